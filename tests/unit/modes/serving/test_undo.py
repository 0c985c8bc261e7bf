from dataclasses import replace
from types import SimpleNamespace

import pytest
from tests.unit.kube.fakeanswers import denied, failed
from tests.unit.modes.inbound import PLAN, SERVICE, in_shop, selector, slice_of

from ktconnect.modes.exchange.selector import SelectorWay
from ktconnect.modes.local import journals, remember
from ktconnect.modes.serving import undo as serving_undo
from ktconnect.modes.serving.undo import Undo
from ktconnect.objects.session import LEASE
from ktconnect.sessions.lease import SessionLease


@pytest.fixture(autouse=True)
def brief(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(serving_undo, "PROXIES", 0.0)
    monkeypatch.setattr(serving_undo, "LEFT_WITHIN", 0.2)
    monkeypatch.setattr(serving_undo, "LOOK_AGAIN", 0.01)


class Line:
    """The data path of a session, on paper: it writes down what is done with it."""

    addresses = frozenset({"10.244.1.9"})

    def __init__(self, api):
        self.done: list[str] = []
        self.answers = self
        self.shadow = SimpleNamespace(delete=self.delete)
        self._api = api

    def wind_up(self):
        self.done.append("wind up")

    def refuse_new(self):
        self.done.append("refuse")

    async def drained(self, _):
        self.done.append("drained")
        return 2

    def close(self):
        self.done.append("closed")

    async def delete(self):
        self.done.append(f"deleted while callers go to {selector(self._api)['app']}")


async def undo_of(api, cluster):
    lease = SessionLease(cluster, PLAN.session, {})
    way = SelectorWay(cluster, PLAN, lease, api.objects[SERVICE, "shop", "web"])
    journal = remember(cluster.config.server, "shop", PLAN.session.name)
    return Undo(cluster, PLAN, lease, way, journal), lease, way


async def test_a_session_that_was_never_announced_leaves_nothing_to_do():
    async with in_shop() as (api, cluster, reporter):
        undo, _, _ = await undo_of(api, cluster)
        await undo.run(reporter)
        assert list(journals().iterdir()) == []
        assert reporter.steps == []


async def unanswered(api, cluster):
    """The undo of a session whose Lease was made, and nobody told us."""
    undo, lease, _ = await undo_of(api, cluster)
    await lease.create()
    lease._stored = None
    return undo


async def test_a_lease_whose_making_was_never_answered_goes_too():
    async with in_shop() as (api, cluster, reporter):
        undo = await unanswered(api, cluster)
        await undo.run(reporter)
        assert (LEASE, "shop", PLAN.session.name) not in api.objects
        assert list(journals().iterdir()) == []


@pytest.mark.parametrize(
    ("answer", "kept"),
    [(failed(500, "InternalError", "no leader"), 1), (denied("get", "leases", "shop"), 0)],
)
async def test_whether_there_is_a_lease_is_left_to_the_next_start_unless_that_may_not_look(
    answer, kept
):
    async with in_shop() as (api, cluster, reporter):
        undo = await unanswered(api, cluster)
        api.next_answers = [answer]
        await undo.run(reporter)
        assert len(list(journals().iterdir())) == kept


async def test_callers_are_led_away_before_anybody_is_refused_and_anything_deleted():
    async with in_shop() as (api, cluster, reporter):
        undo, lease, way = await undo_of(api, cluster)
        await lease.create(way.journal)
        undo.began(lease.uid)
        await way.prepare(lease.owner)
        await way.switch()
        api.put(slice_of("web", "10.244.1.9"))
        undo.line = line = Line(api)
        undo.switched = True
        await undo.run(reporter)
        assert line.done == [
            "wind up", "refuse", "drained", "deleted while callers go to web",
        ]  # fmt: skip
        assert (LEASE, "shop", PLAN.session.name) not in api.objects
        assert "2 calls went on" in reporter.notes[0]
        assert list(journals().iterdir()) == []


async def test_nobody_waits_for_what_answers_a_copy():
    async with in_shop() as (api, cluster, reporter):
        undo, lease, _ = await undo_of(api, cluster)
        undo._plan = replace(PLAN, mode="mirror")
        await lease.create()
        undo.began(lease.uid)
        undo.line = line = Line(api)
        await undo.run(reporter)
        assert "drained" not in line.done
        assert "closed" in line.done
        assert reporter.notes == []


async def test_endpoints_that_cant_be_seen_are_waited_for_blindly():
    async with in_shop() as (api, cluster, reporter):
        undo, lease, way = await undo_of(api, cluster)
        await lease.create(way.journal)
        undo.began(lease.uid)
        undo.line = Line(api)
        undo.switched = True
        api.denied = {("list", "endpointslices", "shop")}
        await undo.run(reporter)
        assert reporter.warnings == []
        assert (LEASE, "shop", PLAN.session.name) not in api.objects


async def test_without_the_cluster_the_rest_is_left_to_the_next():
    async with in_shop() as (api, cluster, reporter):
        undo, lease, way = await undo_of(api, cluster)
        await lease.create(way.journal)
        undo.began(lease.uid)
        api.denied = {("delete", "leases", "shop")}
        await undo.run(reporter)
        assert "still in the cluster" in reporter.warnings[0][0]
        assert len(list(journals().iterdir())) == 1
