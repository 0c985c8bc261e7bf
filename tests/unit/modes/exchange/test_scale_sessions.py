import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from tests.unit.kube.fakeapi import FakeApi
from tests.unit.modes.reporting import Remembering

from ktconnect.errors import UsageError
from ktconnect.kube.rehearsal import RehearsalCluster
from ktconnect.modes.dryrun import NOTHING_DONE
from ktconnect.modes.exchange.scale_sessions import scale_sessions
from ktconnect.modes.serving.expose import parse_exposes
from ktconnect.modes.serving.session import serve
from ktconnect.modes.serving.spec import ExchangeSpec, ServingSpec
from ktconnect.objects.session import Session, lease
from ktconnect.sessions.holders import Taken

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SERVING = ServingSpec(skip_port_checking=True, dry_run=True)


def named(kind, name, version="v1", **spec):
    metadata = {"name": name, "namespace": "demo"}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def deployment(name):
    template = {
        "metadata": {"labels": {"app": name, "tier": "front"}},
        "spec": {"containers": [{"ports": [{"containerPort": 9000}]}]},
    }
    return named("Deployment", name, "apps/v1", replicas=2, template=template)


def service(name):
    ports = [{"port": 80, "targetPort": 8080}]
    return named("Service", name, selector={"app": name}, ports=ports, clusterIP="10.0.0.1")


@asynccontextmanager
async def planning(*targets, expose=None):
    """What the sessions of a shop come to; ``plan`` makes them."""
    async with FakeApi().serving() as api, RehearsalCluster(api.config()) as cluster:
        api.now = NOW.timestamp()
        for name in ("web", "api"):
            api.put(deployment(name))
        api.put(service("web"))
        reporter = Remembering()
        spec = ExchangeSpec(targets, parse_exposes(expose), SERVING, "scale")

        async def plan():
            return await scale_sessions(spec, cluster, "demo", reporter)

        yield api, plan, reporter


def holds(api, name, mode="exchange"):
    session = Session(name, "demo", f"shadow-{mode}", "ann@laptop")
    api.put(lease(session, NOW, {"mode": mode, "target": "service/web"}))


async def test_each_workload_has_one_session_however_often_it_is_named():
    async with planning("deploy/web", "web", "api") as (_, plan, reporter):
        web, api = await plan()
        assert web.plan.session.name == "kt-exchange-deployment.web"
        assert web.plan.where == "demo/web"  # by the Service that its callers use
        assert web.plan.at_once  # which leads to the agent by the workload's own labels
        assert [str(port.target) for port in web.plan.ports] == ["tcp:127.0.0.1:8080"]
        assert api.plan.where == "demo/api"
        assert [str(port.target) for port in api.plan.ports] == ["tcp:127.0.0.1:9000"]
        assert "Callers of deployment/web, deployment/api in namespace demo" in reporter.steps[0]
        assert any("is scaled to 0" in message for message, _ in reporter.warnings)


async def test_ports_may_be_said_for_each():
    async with planning("web", "api", expose="web=1:80,api=2:9000") as (_, plan, _r):
        web, api = await plan()
        assert [str(port.target) for port in web.plan.ports] == ["tcp:127.0.0.1:1"]
        assert [str(port.target) for port in api.plan.ports] == ["tcp:127.0.0.1:2"]


async def test_ports_for_what_is_no_target_are_refused():
    async with planning("web", expose="api=2:9000") as (_, plan, _r):
        with pytest.raises(UsageError, match="api is not a target"):
            await plan()


@pytest.mark.parametrize("name", ["kt-exchange-deployment.web", "kt-exchange-web"])
async def test_who_has_the_workload_or_its_service_keeps_it(name):
    async with planning("web") as (api, plan, _r):
        holds(api, name)
        with pytest.raises(Taken, match="ann@laptop"):
            await plan()


async def test_who_shares_the_callers_of_its_service_keeps_them():
    async with planning("web") as (api, plan, _r):
        holds(api, "kt-mesh-web.ci", "mesh")
        with pytest.raises(Taken, match="service/web is taken: mesh by ann@laptop"):
            await plan()


async def test_a_service_whose_name_begins_like_a_kind_is_another_target():
    async with planning("web") as (api, plan, _r):
        holds(api, "kt-exchange-deployment-web")
        assert len(await plan()) == 1


async def test_others_are_told_how_long_it_may_take_to_scale_back():
    async with planning("web") as (_, plan, reporter):
        await serve(await plan(), reporter, 0.0, dry_run=True)
    config = json.loads(reporter.created[0]["metadata"]["annotations"]["kt-config"])
    assert config["endsWithin"] == 120
    assert config["services"] == ["web"]


async def test_a_dry_run_tells_what_would_be_made_and_changed():
    async with planning("web", "api") as (api, plan, reporter):
        before = dict(api.objects)
        await serve(await plan(), reporter, 0.0, dry_run=True)
        assert api.objects == before
    kinds = [manifest["kind"] for manifest in reporter.created]
    assert kinds == ["Lease", "ConfigMap", "Deployment"] * 2
    labels = reporter.created[2]["spec"]["template"]["metadata"]["labels"]
    assert {"app": "web", "tier": "front"}.items() <= labels.items()
    assert reporter.changed == [
        (f"apps/v1/Deployment/demo/{name}/scale#/spec/replicas", 2, 0) for name in ("web", "api")
    ]
    assert reporter.notes.count(NOTHING_DONE) == 1
