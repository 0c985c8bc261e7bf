import asyncio
import base64
import zipfile
from contextlib import asynccontextmanager
from datetime import datetime
from io import BytesIO

import pytest
from tests.unit.kube.fakeapi import FakeApi

from ktconnect.errors import Conflict, Forbidden, Refused, TunnelClosed
from ktconnect.kube.client import Cluster
from ktconnect.modes.shadow import (
    CONFIG_MAP,
    DEPLOYMENT,
    SHARED,
    connect_shadow,
)
from ktconnect.modes.spec import ClusterSpec
from ktconnect.objects.session import LEASE, Session
from ktconnect.wire.hello import token_digest

NOW = 1_790_000_000.0


def session(name="kt-connect-shadow-abcde", holder="ann@laptop"):
    return Session(name, "demo", "shadow-connect", holder)


@asynccontextmanager
async def in_cluster(**flags):
    api = FakeApi()
    api.now = NOW
    async with api.serving(), Cluster(api.config()) as cluster:
        spec = ClusterSpec(pod_creation_timeout=0.2, **flags)
        yield (
            api,
            lambda of=None, shared=False: connect_shadow(
                cluster, of or session(), spec, shared=shared
            ),
        )


def put_pod(api, name, *, ready, label="kt-connect-shadow-abcde"):
    api.put(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": "demo", "labels": {"kt-session": label}},
            "status": {"conditions": [{"type": "Ready", "status": str(ready)}]},
        }
    )


async def create(shadow):
    await shadow.lease.create()
    await shadow.create()


def objects(api):
    return {(kind, name) for kind, _, name in api.objects}


async def test_the_lease_owns_all_that_is_made_and_all_is_taken_away():
    async with in_cluster() as (api, shadow):
        ours = shadow()
        await create(ours)
        name = ours.session.name
        assert objects(api) == {(LEASE, name), (CONFIG_MAP, name), (DEPLOYMENT, name)}
        lease = api.objects[LEASE, "demo", name]
        assert lease["spec"]["renewTime"].startswith("2026-09-21T14:13:20")
        for kind in (CONFIG_MAP, DEPLOYMENT):
            [owner] = api.objects[kind, "demo", name]["metadata"]["ownerReferences"]
            assert owner["uid"] == lease["metadata"]["uid"]
        await ours.delete()
        await ours.delete()
        assert objects(api) == set()


async def test_the_pod_knows_the_hash_of_the_token_only():
    async with in_cluster() as (api, shadow):
        ours = shadow()
        await create(ours)
        text = str(api.objects)
        assert ours.token not in text
        assert token_digest(ours.token) in text


async def test_the_program_in_the_config_map_is_a_whole_zip_file():
    async with in_cluster() as (api, shadow):
        ours = shadow()
        await create(ours)
        [program] = api.objects[CONFIG_MAP, "demo", ours.session.name]["binaryData"].values()
        assert zipfile.ZipFile(BytesIO(base64.b64decode(program))).testzip() is None


async def test_a_renewal_moves_the_time_and_remakes_what_was_deleted():
    async with in_cluster() as (api, shadow):
        ours = shadow()
        await create(ours)
        name = ours.session.name
        api.now = NOW + 15
        await ours.renew()
        assert api.objects[LEASE, "demo", name]["spec"]["renewTime"].startswith("2026-09-21T14:13")
        for kind in (LEASE, CONFIG_MAP, DEPLOYMENT):
            api.remove(kind, name, "demo")
        await ours.renew()
        assert objects(api) == {(LEASE, name), (CONFIG_MAP, name), (DEPLOYMENT, name)}


async def test_the_local_clock_can_be_trusted_instead():
    async with in_cluster(use_local_time=True) as (_, shadow):
        lease = await shadow().lease.create()
        renewed = datetime.fromisoformat(lease["spec"]["renewTime"])
        assert abs(renewed.timestamp() - NOW) > 1000


async def test_a_pipe_needs_a_pod_that_is_ready():
    async with in_cluster() as (api, shadow):
        put_pod(api, "starting", ready=False)
        with pytest.raises(TunnelClosed, match="not ready: Pending"):
            await shadow().open_pipe()
        api.remove("v1/Pod", "starting", "demo")
        with pytest.raises(TunnelClosed, match="not ready: there is none"):
            await shadow().open_pipe()


@pytest.mark.parametrize("gone", [LEASE, CONFIG_MAP, DEPLOYMENT])
async def test_reviving_makes_anew_what_is_gone_and_waits_for_the_pod(gone):
    async with in_cluster() as (api, shadow):
        ours = shadow()
        await create(ours)
        before = {key: made["metadata"]["annotations"] for key, made in api.objects.items()}
        api.denied = {("patch", "deployments", "demo"), ("patch", "configmaps", "demo")}
        api.remove(gone, ours.session.name, "demo")
        put_pod(api, "again", ready=True)
        await ours.revive("pipe lost")
        for key, annotations in before.items():
            assert api.objects[key]["metadata"]["annotations"] == annotations


async def test_a_pod_that_never_comes_is_told_with_its_last_state():
    async with in_cluster() as (_, shadow):
        with pytest.raises(Refused, match="no Pod was"):
            await shadow().ready_pod()


async def test_a_shared_agent_is_owned_by_all_who_use_it():
    async with in_cluster() as (api, shadow):
        ann = shadow(session("kt-connect-shadow-aaaaa"), shared=True)
        bob = shadow(session("kt-connect-shadow-bbbbb", "bob@laptop"), shared=True)
        await create(ann)
        await create(bob)
        assert ann.token == bob.token
        owners = api.objects[DEPLOYMENT, "demo", SHARED]["metadata"]["ownerReferences"]
        assert [owner["name"] for owner in owners] == [ann.session.name, bob.session.name]
        await ann.delete()
        assert objects(api) == {
            (DEPLOYMENT, SHARED),
            (CONFIG_MAP, SHARED),
            (LEASE, bob.session.name),
        }


async def test_the_lease_is_renewed_again_and_again_even_if_the_cluster_is_away():
    async with in_cluster() as (api, shadow):
        ours = shadow()
        await create(ours)
        api.denied = {("patch", "leases", "demo")}
        before = len(api.asked)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await ours.keep_alive(every=0.02)
        assert len(api.asked) - before > 2


async def test_a_shared_shadow_of_kt_connect_is_not_mistaken_for_ours():
    async with in_cluster() as (api, shadow):
        metadata = {"name": SHARED, "namespace": "demo", "labels": {"control-by": "kt"}}
        api.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
        with pytest.raises(Conflict, match="another program's"):
            await create(shadow(shared=True))


async def test_an_agent_that_hangs_is_replaced():
    async with in_cluster() as (api, shadow):
        ours = shadow()
        await create(ours)
        put_pod(api, "hung", ready=True)
        put_pod(api, "other", ready=True, label="somebody-else")
        for _ in range(3):
            await ours.revive("no answer")
        assert ("v1/Pod", "hung") in objects(api)
        ours.hung = 0.0
        with pytest.raises(Refused, match="no Pod was"):  # nobody makes another one here
            await ours.revive("no answer")
        pods = {name for kind, name in objects(api) if kind == "v1/Pod"}
        assert pods == {"other"}


async def test_an_agent_that_has_just_become_ready_is_not_looked_after_yet():
    async with in_cluster() as (api, shadow):
        ours = shadow()
        await create(ours)
        put_pod(api, "young", ready=True)
        await ours.ready_pod()
        api.remove(CONFIG_MAP, ours.session.name, "demo")
        await ours.revive("connection refused")
        assert (CONFIG_MAP, ours.session.name) not in objects(api)
        api.remove("v1/Pod", "young", "demo")
        with pytest.raises(TunnelClosed):
            await ours.open_pipe()
        put_pod(api, "again", ready=True)
        await ours.revive("there is none")
        assert (CONFIG_MAP, ours.session.name) in objects(api)


async def test_an_agent_that_listens_late_has_the_time_of_its_pod():
    async with in_cluster() as (_, shadow):
        ours = shadow()
        ours.within = 60.0
        assert ours.patience(10.0) == 10.0  # somebody else's, which was there before
        await create(ours)
        assert 50.0 < ours.patience(10.0) <= 60.0
        assert ours.patience(90.0) == 90.0


async def test_without_the_right_to_delete_pods_the_deployment_is_made_anew():
    async with in_cluster() as (api, shadow):
        ours = shadow()
        await create(ours)
        put_pod(api, "hung", ready=True)
        api.denied = {("delete", "pods", "demo")}
        before = api.objects[DEPLOYMENT, "demo", ours.session.name]["metadata"]["uid"]
        ours.hung = 0.0
        await ours.revive("no answer")
        assert api.objects[DEPLOYMENT, "demo", ours.session.name]["metadata"]["uid"] != before


async def test_a_shared_agent_that_hangs_is_left_to_who_may_delete_its_pod():
    async with in_cluster() as (api, shadow):
        ours = shadow(shared=True)
        await create(ours)
        put_pod(api, "hung", ready=True, label=SHARED)
        api.denied = {("delete", "pods", "demo")}
        ours.hung = 0.0
        with pytest.raises(Forbidden):
            await ours.revive("no answer")
        assert (DEPLOYMENT, SHARED) in objects(api)
