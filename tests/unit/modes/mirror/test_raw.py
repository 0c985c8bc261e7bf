from dataclasses import replace

import pytest
from tests.unit.modes.inbound import in_shop, service

from ktconnect.errors import UsageError
from ktconnect.modes.mirror.raw import prepare_raw
from ktconnect.modes.mirror.spec import MirrorSpec
from ktconnect.modes.serving.agent import agent_plan, listening
from ktconnect.modes.serving.expose import parse_exposes
from ktconnect.modes.serving.spec import ServingSpec
from ktconnect.modes.shadow import Shadow
from ktconnect.sessions.holders import Taken
from ktconnect.sessions.lease import SessionLease

PORTS = [
    {"name": "http", "port": 80, "targetPort": 8080},
    {"name": "dns", "port": 53, "protocol": "UDP"},
]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))


def spec(expose="1:80"):
    serving = ServingSpec(skip_port_checking=True)
    return MirrorSpec("web", parse_exposes(expose), serving=serving, mode="tcp")


async def test_the_origin_answers_and_this_machine_gets_a_copy():
    async with in_shop() as (_, cluster, reporter):
        session = await prepare_raw(spec(), cluster, service(), reporter)
        plan = session.plan
        origins = dict.fromkeys(plan.ports, "10.96.0.9:80")
        copied, other = listening(plan.ports, origins, copied=True)
        assert (copied.copied, copied.to_laptop, copied.origin) == (True, False, "10.96.0.9:80")
        assert (other.copied, other.to_laptop) == (False, False)
        assert session.ready(0).banner == "Now what is sent to service 'web' is copied to local"


async def test_nobody_waits_for_what_is_answered_to_a_copy():
    async with in_shop() as (_, cluster, reporter):
        session = await prepare_raw(spec(), cluster, service(), reporter)
        origins = dict.fromkeys(session.plan.ports, "10.96.0.9:80")
        lease = session._lease
        assert isinstance(lease, SessionLease)
        for plan, copies in (
            (session.plan, True),
            (replace(session.plan, mode="exchange"), False),
        ):
            wanted = agent_plan(plan, spec().serving, origins, (), ("", False))
            assert Shadow(cluster, lease, wanted).copies is copies


async def test_its_agent_gets_the_sidecar_that_the_services_own_pods_get():
    labels = {"app": "web", "sidecar.istio.io/inject": "true"}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web-1", "namespace": "shop", "labels": labels},
        "spec": {"containers": [{"name": "web"}]},
    }
    async with in_shop() as (api, cluster, reporter):
        api.put(pod)
        session = await prepare_raw(spec(), cluster, service(), reporter)
        assert ("sidecar.istio.io/inject", "true") in session._way.labels


async def test_it_is_one_of_two_that_can_have_all_callers():
    async with in_shop() as (_, cluster, reporter):
        session = await prepare_raw(spec(), cluster, service(), reporter)
        lease = session._lease
        assert isinstance(lease, SessionLease)
        await lease.create()
        with pytest.raises(Taken, match="mirror by"):
            await prepare_raw(spec(), cluster, service(), reporter)


async def test_datagrams_go_to_the_origin_as_ever():
    async with in_shop() as (api, cluster, reporter):
        api.put(service(ports=PORTS))
        everything = MirrorSpec("web", serving=spec().serving, mode="tcp")
        session = await prepare_raw(everything, cluster, service(ports=PORTS), reporter)
        assert [port.protocol for port in session.plan.exposed] == ["tcp"]
        assert any("is UDP, which is not copied" in note for note in reporter.notes)
        with pytest.raises(UsageError, match="is UDP, which is not copied"):
            await prepare_raw(spec("5353:53/udp"), cluster, service(ports=PORTS), reporter)
