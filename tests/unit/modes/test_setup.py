from contextlib import asynccontextmanager

import pytest
from tests.unit.kube.fakeanswers import Answer
from tests.unit.kube.fakeapi import FakeApi
from tests.unit.modes.reporting import Remembering

from ktconnect.errors import Conflict, Forbidden, UsageError
from ktconnect.kube.client import Cluster
from ktconnect.modes.setup import SetupSpec, agent_account, set_up
from ktconnect.objects.rights import ISTIO
from ktconnect.objects.setup import KINDS, account


@asynccontextmanager
async def in_cluster():
    api = FakeApi()
    async with api.serving(), Cluster(api.config()) as cluster:
        yield api, cluster, Remembering()


def made(api):
    return [kind for kind, _, _ in api.objects]


async def test_it_makes_what_is_missing_and_then_nothing():
    async with in_cluster() as (api, cluster, reporter):
        assert await agent_account(cluster, "demo") == ""
        await set_up(cluster, "demo", SetupSpec(), reporter)
        assert made(api) == list(KINDS)
        assert await agent_account(cluster, "demo") == "kt-agent"
        before = dict(api.objects)
        await set_up(cluster, "demo", SetupSpec(), reporter)
        assert api.objects == before
    assert reporter.notes[0] == "made v1/ServiceAccount/demo/kt-agent"
    assert reporter.notes[-1] == "nothing to change in namespace demo"


async def test_a_role_of_an_older_ktctl_is_updated():
    async with in_cluster() as (api, cluster, reporter):
        await set_up(cluster, "demo", SetupSpec(), reporter)
        older = api.objects[KINDS[1], "demo", "kt-agent"]
        wanted = older["rules"]
        api.put({**older, "rules": wanted[:1], "metadata": stamped_anew(older["metadata"])})
        await set_up(cluster, "demo", SetupSpec(), reporter)
        assert api.objects[KINDS[1], "demo", "kt-agent"]["rules"] == wanted
    assert f"updated {KINDS[1]}/demo/kt-agent" in reporter.notes


def stamped_anew(metadata):
    return {**metadata, "annotations": {"kt-manifest": "another"}}


async def test_all_of_it_can_be_removed():
    async with in_cluster() as (api, cluster, reporter):
        await set_up(cluster, "demo", SetupSpec(), reporter)
        await set_up(cluster, "demo", SetupSpec(remove=True), reporter)
        assert made(api) == []
        await set_up(cluster, "demo", SetupSpec(remove=True), reporter)
    assert reporter.notes[-1] == "nothing to change in namespace demo"


async def test_what_someone_else_made_is_neither_replaced_nor_removed():
    async with in_cluster() as (api, cluster, reporter):
        api.put({**account("demo"), "secrets": [{"name": "mine"}]})
        await set_up(cluster, "demo", SetupSpec(remove=True), reporter)
        assert made(api) == [KINDS[0]]
        assert "not made by ktctl" in reporter.warnings[0][0]
        with pytest.raises(Conflict, match="not ours"):
            await set_up(cluster, "demo", SetupSpec(), reporter)


async def test_a_dry_run_shows_every_object_and_makes_none():
    async with in_cluster() as (api, cluster, reporter):
        await set_up(cluster, "demo", SetupSpec(dry_run=True), reporter)
        assert made(api) == []
        await set_up(cluster, "demo", SetupSpec(), reporter)
        await set_up(cluster, "demo", SetupSpec(remove=True, dry_run=True), reporter)
        assert len(made(api)) == 3
    assert [each["kind"] for each in reporter.created] == ["ServiceAccount", "Role", "RoleBinding"]
    assert [(key, after) for key, _, after in reporter.changed] == [
        (f"{kind}/demo/kt-agent", None) for kind in reversed(KINDS)
    ]


async def test_missing_rights_are_named_before_anything_is_made():
    async with in_cluster() as (api, cluster, reporter):
        api.denied = {("create", "rolebindings", "demo")}
        with pytest.raises(Forbidden, match=r"create rolebindings\.rbac"):
            await set_up(cluster, "demo", SetupSpec(), reporter)
        assert made(api) == []


async def test_who_may_not_look_has_no_account():
    async with in_cluster() as (api, cluster, _):
        api.put(account("demo"))
        api.denied = {("get", "serviceaccounts", "demo")}
        assert await agent_account(cluster, "demo") == ""


def groups(api):
    rules = api.objects[KINDS[1], "demo", "kt-agent"]["rules"]
    return {group for rule in rules for group in rule["apiGroups"]}


async def test_agents_take_routes_away_where_there_is_a_mesh_and_we_may_give_them_that():
    async with in_cluster() as (api, cluster, reporter):
        await set_up(cluster, "demo", SetupSpec(), reporter)
        assert ISTIO not in groups(api)
        api.routes[f"/apis/{ISTIO}/v1"] = lambda _: Answer(body={"resources": []})
        api.denied = {("patch", "virtualservices", "demo")}
        await set_up(cluster, "demo", SetupSpec(), reporter)
        assert ISTIO not in groups(api)
        api.denied = set()
        await set_up(cluster, "demo", SetupSpec(), reporter)
        assert ISTIO in groups(api)
        api.denied = {("patch", "virtualservices", "demo")}  # what somebody else gave stays
        await set_up(cluster, "demo", SetupSpec(), reporter)
        assert ISTIO in groups(api)
    assert reporter.notes[-1] == "nothing to change in namespace demo"


def put_rollouts(api):
    """A kind of somebody else's that can be scaled, as API discovery tells of it."""
    version = {"groupVersion": "argoproj.io/v1alpha1"}
    groups = [{"name": "argoproj.io", "preferredVersion": version}]
    found = [{"name": "rollouts", "kind": "Rollout"}, {"name": "rollouts/scale", "kind": "Scale"}]
    api.routes["/apis"] = lambda _: Answer(body={"groups": groups})
    api.routes["/apis/argoproj.io/v1alpha1"] = lambda _: Answer(body={"resources": found})


def scaled(api):
    rules = api.objects[KINDS[1], "demo", "kt-agent"]["rules"]
    return [name for rule in rules for name in rule["resources"] if name.endswith("/scale")]


async def test_agents_may_scale_other_kinds_back_on_request_and_keep_that():
    asked = SetupSpec(scalable=("rollouts.argoproj.io",))
    async with in_cluster() as (api, cluster, reporter):
        put_rollouts(api)
        await set_up(cluster, "demo", SetupSpec(), reporter)
        usual = scaled(api)
        await set_up(cluster, "demo", asked, reporter)
        assert scaled(api) == [*usual, "rollouts/scale"]
        api.denied = {("patch", "rollouts/scale", "demo")}  # what somebody else gave stays
        for spec in (SetupSpec(), asked):
            await set_up(cluster, "demo", spec, reporter)
            assert reporter.notes[-1] == "nothing to change in namespace demo"
        await set_up(cluster, "demo", SetupSpec(remove=True), reporter)
        assert made(api) == []


async def test_nobody_lets_agents_do_what_they_may_not_do_themselves():
    asked = SetupSpec(scalable=("rollouts",))
    async with in_cluster() as (api, cluster, reporter):
        put_rollouts(api)
        api.denied = {("patch", "rollouts/scale", "demo")}
        with pytest.raises(Forbidden, match=r"patch rollouts\.argoproj\.io/scale") as caught:
            await set_up(cluster, "demo", asked, reporter)
        command = "ktctl rbac print setup --scalable rollouts.argoproj.io -n demo"
        assert f"`{command}`" in caught.value.hint
        api.denied |= {("create", "roles", "demo"), ("get", "roles", "demo")}
        with pytest.raises(Forbidden, match=r"roles\.rbac(.|\n)*rollouts\.argoproj\.io/scale"):
            await set_up(cluster, "demo", asked, reporter)
        assert made(api) == []


async def test_a_kind_that_nobody_has_heard_of_is_refused():
    async with in_cluster() as (api, cluster, reporter):
        put_rollouts(api)
        with pytest.raises(UsageError, match="no kind rolouts that can be scaled"):
            await set_up(cluster, "demo", SetupSpec(scalable=("rolouts",)), reporter)
        assert made(api) == []
