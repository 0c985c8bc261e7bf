from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.unit.modes.inbound import AGENT, NOW, in_shop, service

from ktconnect.errors import Forbidden, UsageError
from ktconnect.modes.exchange.mode import find_targets, prepare, run
from ktconnect.modes.serving.expose import parse_exposes
from ktconnect.modes.serving.spec import ExchangeSpec, ServingSpec
from ktconnect.modes.spec import ClusterSpec
from ktconnect.objects.session import LEASE, Session, lease
from ktconnect.sessions.holders import Taken
from ktconnect.sessions.lease import SessionLease
from ktconnect.sessions.shared_names import shared_session

WEB_TARGET = "service/web"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))


def spec(*targets, expose="1:80"):
    return ExchangeSpec(
        targets or ("web",), parse_exposes(expose), ServingSpec(skip_port_checking=True)
    )


async def test_targets_are_found_before_anything_is_made():
    async with in_shop() as (_, cluster, reporter):
        [found] = await find_targets(spec("service/web"), cluster, "shop", reporter)
        assert found["metadata"]["name"] == "web"
        assert reporter.steps == ["Callers of shop/web are meant"]
        with pytest.raises(UsageError, match="api is not a target"):
            await find_targets(spec(expose="api=1:80"), cluster, "shop", reporter)


async def test_a_session_is_planned_with_what_was_exposed_and_nothing_is_made_yet():
    async with in_shop() as (api, cluster, reporter):
        before = set(api.objects)
        session = await prepare(spec(), cluster, service(), reporter)
        assert set(api.objects) == before
        plan = session.plan
        assert plan.session.name == "kt-exchange-web"
        assert [port.service_port for port in plan.exposed] == [80]
        assert len(plan.ports) == 2


async def test_whoever_has_the_target_is_named():
    async with in_shop() as (_, cluster, reporter):
        first = await prepare(spec(), cluster, service(), reporter)
        lease = first._lease
        assert isinstance(lease, SessionLease)
        await lease.create()
        with pytest.raises(Taken, match="is taken: exchange by"):
            await prepare(spec(), cluster, service(), reporter)


def hold(api, name, role, holder="bob@desk", **config):
    session = Session(name, "shop", role, holder)
    return api.put(lease(session, datetime.fromtimestamp(NOW, UTC), config))


async def test_whoever_shares_its_callers_is_named_and_ended_only_on_purpose(monkeypatch):
    monkeypatch.setattr("ktconnect.sessions.taken.PATIENCE", 0.05)
    async with in_shop() as (api, cluster, reporter):
        router = shared_session("web", "shop")
        api.put(
            lease(
                router, datetime.fromtimestamp(NOW, UTC), {"mode": "router", "target": WEB_TARGET}
            )
        )
        config = {"mode": "mesh", "target": WEB_TARGET, "shared": "kt-router-web", "mark": "ci"}
        hold(api, "kt-mesh-web.ci", "shadow-mesh", **config)
        with pytest.raises(Taken, match="mesh by bob@desk via version 'ci'"):
            await prepare(spec(), cluster, service(), reporter)
        takeover = replace(spec(), serving=replace(spec().serving, takeover=True))
        await prepare(takeover, cluster, service(), reporter)
        assert [kind for kind, *_ in api.objects if kind == LEASE] == []


async def test_whoever_has_replaced_its_pods_is_named():
    async with in_shop() as (api, cluster, reporter):
        config = {"mode": "exchange", "target": "deployment/web", "agent": AGENT}
        hold(api, "kt-exchange-deployment.web", "shadow-exchange", **config)
        labels = {"app": "web", "kt-session": AGENT}
        metadata = {"name": f"{AGENT}-1", "namespace": "shop", "labels": labels}
        api.put({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {}})
        with pytest.raises(Taken, match="deployment/web is taken: exchange by bob@desk"):
            await prepare(spec(), cluster, service(), reporter)


async def test_a_dry_run_goes_all_the_way_and_changes_nothing(tmp_path):
    async with in_shop() as (api, _, reporter):
        serving = ServingSpec(
            ClusterSpec(kubeconfig=api.kubeconfig(tmp_path, "shop")),
            skip_port_checking=True,
            dry_run=True,
        )
        before = {key: value["spec"] for key, value in api.objects.items()}
        asked = ExchangeSpec(("web",), parse_exposes("1:80"), serving, recover_wait=60)
        await run(asked, reporter)
        assert any("--recoverWaitTime is of --mode scale" in note for note in reporter.notes)
        assert {key: value["spec"] for key, value in api.objects.items()} == before
    assert "web-kt-origin" in {each["metadata"]["name"] for each in reporter.created}
    assert [key for key, *_ in reporter.changed] == ["v1/Service/shop/web#/spec/selector"]


async def test_a_missing_right_is_named_before_anything_is_looked_at(tmp_path):
    async with in_shop() as (api, _, reporter):
        api.denied = {("patch", "services", "shop")}
        with pytest.raises(Forbidden, match="patch services in namespace shop"):
            await run(
                ExchangeSpec(
                    ("web",),
                    (),
                    ServingSpec(ClusterSpec(kubeconfig=api.kubeconfig(tmp_path, "shop"))),
                ),
                reporter,
            )
