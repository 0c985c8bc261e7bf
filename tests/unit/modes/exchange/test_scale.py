import asyncio
import os
import signal
from contextlib import asynccontextmanager

import pytest
from tests.unit.kube.fakeapi import FakeApi
from tests.unit.modes.reporting import Remembering
from tests.unit.tunnel.ends import until

from ktconnect.errors import Conflict
from ktconnect.kube.client import Cluster
from ktconnect.modes.exchange import scale, scale_wait
from ktconnect.modes.exchange.scale import ScaleWay
from ktconnect.modes.exchange.scale_find import ScalePlan
from ktconnect.modes.serving.way import InboundPlan
from ktconnect.objects.scale import Workload
from ktconnect.objects.session import LEASE, Session, record_of
from ktconnect.sessions.lease import SessionLease

AGENT = "web-kt-exchange-abcde"
KEY = "apps/v1/Deployment/demo/web/scale#/spec/replicas"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(scale, "FOLLOW_EVERY", 0.02)
    monkeypatch.setattr(scale, "SETTLE", 0.0)
    monkeypatch.setattr(scale_wait, "LOOK_AGAIN", 0.02)
    monkeypatch.setattr(scale_wait, "ENDPOINTS_WITHIN", 1.0)


def named(kind, name, labels=None, version="v1", **fields):
    metadata = {"name": name, "namespace": "demo", "labels": labels or {}}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **fields}


def web(replicas, ready=0):
    spec = {"replicas": replicas}
    return named("Deployment", "web", version="apps/v1", spec=spec, status={"readyReplicas": ready})


SERVICE = named("Service", "web", spec={"clusterIP": "10.0.0.1"})


@asynccontextmanager
async def way(replicas=2, wait=0.2):
    """A way to a Deployment of so many replicas, its Lease made and its agent an endpoint."""
    async with FakeApi().serving() as api, Cluster(api.config()) as cluster:
        api.now = 1_790_000_000.0
        api.put(web(replicas, replicas))
        api.put(SERVICE)
        api.put(named("Pod", "agent-0", {"kt-session": AGENT, "app": "web"}, spec={}))
        ends = [{"targetRef": {"name": "agent-0"}}]
        labels = {"kubernetes.io/service-name": "web"}
        version = "discovery.k8s.io/v1"
        api.put(named("EndpointSlice", "web-x", labels, version, endpoints=ends))
        session = Session("kt-exchange-deployment.web", "demo", "shadow-exchange", "ann@laptop")
        lease = SessionLease(cluster, session, {})
        agent = Session(AGENT, "demo", "shadow-exchange", "ann@laptop")
        plan = InboundPlan("exchange", session, agent, "web", ())
        workload = Workload("Deployment", "apps/v1/Deployment", "demo", "web", replicas, LABELS)
        reporter = Remembering()
        target = ScalePlan(workload, (SERVICE,), (), ())
        made = ScaleWay(cluster, plan, lease, target, reporter, wait)
        await lease.create(made.journal)
        yield api, made, reporter


LABELS = {"app": "web", "tier": "front"}


def replicas_of(api):
    return api.objects["apps/v1/Deployment", "demo", "web"]["spec"]["replicas"]


def journal_of(api):
    record = record_of(api.objects[LEASE, "demo", "kt-exchange-deployment.web"])
    return [(entry.key, entry.before, entry.after) for entry in record.journal or ()]


async def test_the_undo_is_known_before_anything_is_changed():
    async with way() as (api, scale_way, _):
        assert journal_of(api) == [(KEY, 2, 0)]
        assert dict(scale_way.labels) == LABELS
        assert await scale_way.prepare({}) == {}
        assert await scale_way.service() is not None
        assert scale_way.yields is False
        assert "without this machine nobody answers" in scale_way.advice[0]


async def test_the_workload_goes_once_the_agent_is_an_endpoint():
    async with way() as (api, scale_way, _):
        assert scale_way.broken
        await scale_way.switch()
        assert replicas_of(api) == 0
        assert scale_way.broken == ""


async def test_a_workload_that_is_scaled_at_that_moment_is_left_alone():
    async with way() as (api, scale_way, _):
        api.put(web(5))
        with pytest.raises(Conflict, match="changed by someone else"):
            await scale_way.switch()
        assert replicas_of(api) == 5


async def test_a_workload_at_0_stays_there():
    async with way(0) as (api, scale_way, reporter):
        assert scale_way.journal == ()
        await scale_way.switch()
        await scale_way.give_back()
        assert replicas_of(api) == 0
        assert reporter.notes == []


async def test_on_the_way_back_the_pods_are_ready_before_the_agent_leaves():
    async with way(wait=5) as (api, scale_way, reporter):
        await scale_way.switch()
        api.put(web(0))
        async with asyncio.TaskGroup() as tasks:
            ending = tasks.create_task(scale_way.give_back())
            await until(lambda: replicas_of(api) == 2)
            await asyncio.sleep(0.1)
            assert "app" in api.objects["v1/Pod", "demo", "agent-0"]["metadata"]["labels"]
            assert not ending.done()
            api.put(web(2, 2))
        assert "app" not in api.objects["v1/Pod", "demo", "agent-0"]["metadata"]["labels"]
        assert "deployment/web is scaled back to 2" in reporter.notes[0]
        assert reporter.warnings == []
        await scale_way.give_back()  # once more is no harm
        assert replicas_of(api) == 2


async def test_pods_that_do_not_come_back_in_time_are_told():
    async with way(wait=0.05) as (api, scale_way, reporter):
        await scale_way.switch()
        api.put(web(0))
        await scale_way.give_back()
        [(message, hint)] = reporter.warnings
        assert "is not ready yet, but the time is over" in message
        assert "--recoverWaitTime" in hint


async def test_ctrl_c_is_heard_from_the_moment_in_which_it_is_offered():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as it is while a session ends
    try:
        async with way(wait=60) as (api, scale_way, reporter):
            await scale_way.switch()
            api.put(web(0))
            reporter.note = lambda message: os.kill(os.getpid(), signal.SIGINT)
            async with asyncio.timeout(10):
                await scale_way.give_back()
            assert "you skipped the wait" in reporter.warnings[0][0]
    finally:
        signal.signal(signal.SIGINT, before)


async def test_what_was_never_switched_has_nothing_to_wait_for():
    async with way() as (api, scale_way, reporter):
        await scale_way.give_back()
        assert replicas_of(api) == 2
        assert (reporter.notes, reporter.warnings) == ([], [])


async def test_a_workload_that_is_gone_has_no_way_back():
    async with way() as (api, scale_way, reporter):
        await scale_way.switch()
        api.remove("apps/v1/Deployment", "web", "demo")
        await scale_way.give_back()
        assert reporter.warnings == []


@asynccontextmanager
async def following(scale_way, reporter):
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(scale_way.follow(reporter))
        yield
        task.cancel()


async def test_whoever_scales_it_up_is_told_of_once_and_keeps_their_number():
    async with way() as (api, scale_way, reporter):
        await scale_way.switch()
        async with following(scale_way, reporter):
            api.put(web(3))
            await until(lambda: reporter.warnings)
            await asyncio.sleep(0.1)
        [(message, _)] = reporter.warnings
        assert "someone has scaled deployment/web to 3" in message
        assert journal_of(api) == [(KEY, 3, 0)]
        assert replicas_of(api) == 3
        await scale_way.give_back()
        assert replicas_of(api) == 3


async def test_our_own_way_back_is_no_drift():
    async with way(wait=0.1) as (api, scale_way, reporter):
        await scale_way.switch()
        async with following(scale_way, reporter):
            await scale_way.give_back()
            await asyncio.sleep(0.1)
        assert replicas_of(api) == 2
        assert not any("someone has scaled" in message for message, _ in reporter.warnings)


async def test_a_number_that_could_not_be_written_down_is_written_down_later():
    async with way() as (api, scale_way, reporter):
        await scale_way.switch()
        async with following(scale_way, reporter):
            api.put(web(3))
            await until(lambda: journal_of(api) == [(KEY, 3, 0)])
            api.denied = {("patch", "leases", "demo")}
            api.put(web(4))
            await asyncio.sleep(0.1)
            api.denied = set()
            await until(lambda: journal_of(api) == [(KEY, 4, 0)])


async def test_their_number_comes_back_even_if_they_go_to_0_again():
    async with way() as (api, scale_way, reporter):
        await scale_way.switch()
        async with following(scale_way, reporter):
            api.put(web(3))
            await until(lambda: journal_of(api) == [(KEY, 3, 0)])
            api.put(web(0))
            await asyncio.sleep(0.1)
            api.put(web(4))
            await until(lambda: len(reporter.warnings) == 2)
            api.put(web(0))
        await scale_way.give_back()
        assert replicas_of(api) == 4


async def test_a_deleted_workload_is_told_once():
    async with way() as (api, scale_way, reporter):
        await scale_way.switch()
        async with following(scale_way, reporter):
            api.remove("apps/v1/Deployment", "web", "demo")
            await until(lambda: reporter.warnings)
            await asyncio.sleep(0.1)
        [(message, _)] = reporter.warnings
        assert "was deleted" in message


async def test_a_server_that_does_not_answer_is_asked_again():
    async with way() as (api, scale_way, reporter):
        await scale_way.switch()
        api.denied.add(("get", "deployments/scale", "demo"))
        async with following(scale_way, reporter):
            await asyncio.sleep(0.1)
            api.denied.clear()
            api.put(web(3))
            await until(lambda: reporter.warnings)
        assert len(reporter.warnings) == 1


async def test_who_is_faster_on_the_way_back_is_left_alone():
    async with way() as (api, scale_way, _):
        await scale_way.switch()
        seen = scale_way._backend.read

        async def read(key):
            found = await seen(key)
            api.put(web(7, 7))
            return found

        scale_way._backend.read = read
        await scale_way.give_back()
        assert replicas_of(api) == 7


async def test_a_service_that_is_gone_can_not_be_tested():
    async with way() as (api, scale_way, _):
        api.remove("v1/Service", "web", "demo")
        assert await scale_way.service() is None
