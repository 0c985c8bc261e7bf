"""Whatever single API call is the last, the next `clean` finishes what was begun."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.modes.inbound import PLAN, SERVICE, service
from tests.unit.modes.reporting import Remembering
from tests.unit.sessions.interrupting import HOWS, calls_of, interrupted

from ktconnect.modes.agentplan import AgentPlan
from ktconnect.modes.exchange import scale as scaling
from ktconnect.modes.exchange import scale_wait
from ktconnect.modes.exchange.scale import ScaleWay
from ktconnect.modes.exchange.scale_find import ScalePlan
from ktconnect.modes.exchange.selector import SelectorWay
from ktconnect.modes.local import remember
from ktconnect.modes.routing import draining, ensure, gateway, istio, router, settling
from ktconnect.modes.routing.driver import Seat
from ktconnect.modes.routing.gateway import GatewayDriver
from ktconnect.modes.routing.istio import IstioDriver
from ktconnect.modes.routing.router import RouterDriver
from ktconnect.modes.routing.sharing import SharingWay
from ktconnect.modes.serving import undo as serving_undo
from ktconnect.modes.serving.undo import Undo
from ktconnect.modes.shadow import Shadow, connect_shadow
from ktconnect.modes.spec import ClusterSpec
from ktconnect.modes.standing import standing
from ktconnect.objects.agent import AgentPod, AgentPort
from ktconnect.objects.router import RouterPod
from ktconnect.objects.scale import Workload
from ktconnect.objects.session import Session
from ktconnect.rules.model import Match, Share
from ktconnect.sessions import restore, shared
from ktconnect.sessions.lease import SessionLease
from ktconnect.sessions.shared import SharedLease
from ktconnect.sessions.shared_names import shared_name
from ktconnect.wire.spec import AgentSpec


@pytest.fixture(autouse=True)
def quick(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(restore, "SETTLE_SECONDS", 0)
    monkeypatch.setattr(serving_undo, "PROXIES", 0)
    monkeypatch.setattr(serving_undo, "LEFT_WITHIN", 0.1)
    monkeypatch.setattr(scaling, "SETTLE", 0)
    monkeypatch.setattr(router, "PROXIES", 0)
    monkeypatch.setattr(draining, "CALLS_SECONDS", 0.05)
    monkeypatch.setattr(settling, "AGAIN", 0.001)
    monkeypatch.setattr(istio, "HEARD", 0)
    monkeypatch.setattr(gateway, "HEARD", 0)
    monkeypatch.setattr(ensure, "AGAIN", 0.001)
    monkeypatch.setattr(shared, "LOOK", 0.01)
    monkeypatch.setattr(scale_wait, "LOOK_AGAIN", 0.01)
    monkeypatch.setattr(scale_wait, "ENDPOINTS_WITHIN", 0.05)


NAME = "kt-connect-shadow-abcde"


async def connect(cluster):
    """The agent of a connect, made and taken away."""
    session = Session(NAME, "shop", "shadow-connect", "ann@laptop")
    shadow = connect_shadow(cluster, session, ClusterSpec(pod_creation_timeout=10), shared=False)
    async with standing(shadow, "https://fake", Remembering()):
        pass


class Answering:
    """The laptop's end: nobody calls."""

    def refuse_new(self):
        self.refuses = True

    async def drained(self, _):
        return 0


def wire(shadow: Shadow) -> Any:
    """A line without a tunnel."""
    return SimpleNamespace(
        shadow=shadow,
        answers=Answering(),
        addresses=frozenset({"10.244.0.9"}),
        wind_up=lambda: None,
    )


async def exchange(cluster):
    """A Service's callers led to an agent and back."""
    found = await cluster.get(SERVICE, "web", "shop")
    lease = SessionLease(cluster, PLAN.session, {"mode": "exchange", "target": "service/web"})
    await served(cluster, PLAN, lease, SelectorWay(cluster, PLAN, lease, found))


async def scale(cluster):
    """A workload scaled to 0 behind an agent, and back."""
    plan = replace(PLAN, session=replace(PLAN.session, name="kt-exchange-deployment.web"))
    lease = SessionLease(cluster, plan.session, {"mode": "exchange", "target": "deployment/web"})
    workload = Workload("Deployment", "apps/v1/Deployment", "shop", "web", 2, {"app": "web"})
    target = ScalePlan(workload, (), (), ())
    way = ScaleWay(cluster, plan, lease, target, Remembering(), 0.1)
    await served(cluster, plan, lease, way)


async def served(cluster, plan, lease, way):
    """In the order of `serving`."""
    undo = Undo(cluster, plan, lease, way, remember("https://fake", "shop", plan.session.name))
    try:
        await lease.create(way.journal)
        undo.began(lease.uid)
        await way.prepare(lease.owner)
        pod = AgentPod(ports=(AgentPort(8080),), labels=way.labels)
        shadow = Shadow(cluster, lease, AgentPlan(plan.agent, pod, AgentSpec("0" * 64), "token"))
        undo.line = wire(shadow)
        await shadow.create()
        undo.switched = True
        await way.switch()
        await lease.renew()
    finally:
        await undo.run(Remembering())


class Blind(RouterDriver):
    """Takes it for granted that the rules are in force: there is no Envoy to be asked."""

    async def _rules_in_force(self, within):
        return True


def by_router(seat, backends):
    return Blind(seat, backends, RouterPod(), within=10)


def by_istio(seat, _):
    return IstioDriver(seat)


class Trusting(GatewayDriver):
    """Takes it for granted that a mesh takes the routes: there is none that could say so."""

    async def _accepted(self):
        return


def by_gateway(seat, _):
    return Trusting(seat)


def sharing(cluster, mark, driver=by_router):
    """What a mesh is made of."""
    name = f"web-kt-mesh-{mark}"
    plan = replace(
        PLAN,
        mode="mesh",
        session=Session(f"kt-mesh-web.{mark}", "shop", "shadow-mesh", f"{mark}@laptop"),
        agent=Session(f"{name}-abcde", "shop", "shadow-mesh", f"{mark}@laptop"),
        shared=shared_name("web"),
    )
    config = {"mode": "mesh", "target": "service/web", "shared": plan.shared, "mark": mark}
    lease = SessionLease(cluster, plan.session, config)
    seat = Seat(cluster, "shop", "web", lease, SharedLease(cluster, "web", "shop", "router"))
    share = Share("mesh", name, "", mark, "ann", "", (Match(),), (80,))
    return plan, lease, SharingWay(seat, plan, share, driver, banner="")


async def mesh(cluster):
    """Marked requests of a Service led to an agent by a router, and back."""
    await served(cluster, *sharing(cluster, "ann"))


async def mesh_by_istio(cluster):
    """Marked requests led to an agent by rules, and back."""
    await served(cluster, *sharing(cluster, "ann", by_istio))


async def mesh_by_gateway(cluster):
    """Marked requests led to an agent by routes of the session's own, and back."""
    await served(cluster, *sharing(cluster, "ann", by_gateway))


async def mesh_of_two(cluster):
    """One joins the other; the first one leaves it to the second to put all back."""
    plan, lease, way = sharing(cluster, "bob")
    undo = Undo(cluster, plan, lease, way, remember("https://fake", "shop", plan.session.name))
    try:
        await lease.create(way.journal)
        undo.began(lease.uid)
        await way.prepare(lease.owner)
        await way.switch()
        await mesh(cluster)
    finally:
        await undo.run(Remembering())


POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "agent", "namespace": "shop", "labels": {"kt-session": NAME}},
    "spec": {"nodeName": "node1"},
    "status": {"conditions": [{"type": "Ready", "status": "True"}]},
}
WEB = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"replicas": 2},
    "status": {"readyReplicas": 2},
}
USERS_RULES = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "VirtualService",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"hosts": ["web"], "http": [{"route": [{"destination": {"host": "web"}}]}]},
}
SUBJECTS: dict[str, tuple[Any, ...]] = {
    "connect": (connect, POD),
    "exchange": (exchange, service()),
    "scale": (scale, WEB),
    "mesh": (mesh, service()),
    "mesh of two": (mesh_of_two, service()),
    "mesh by istio": (mesh_by_istio, service()),
    "mesh by istio with rules of the user": (mesh_by_istio, service(), USERS_RULES),
    "mesh by gateway": (mesh_by_gateway, service()),
}


IN_TURN = ("mesh of two", "mesh by gateway")
"""The longest one, and one whose steps are those of a mesh by Istio but for its rules."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("name", SUBJECTS)
async def test_nothing_half_made_is_left_that_the_next_clean_can_not_finish(name, how):
    subject, *own = SUBJECTS[name]
    calls = await calls_of(subject, *own)
    assert len(calls) > 5
    # these are stopped at each of their calls in one of the ways
    first, step = (HOWS.index(how) + 1, len(HOWS)) if name in IN_TURN else (1, 1)
    wrong = [await interrupted(subject, at, how, *own) for at in range(first, len(calls) + 1, step)]
    assert list(filter(None, wrong)) == []
