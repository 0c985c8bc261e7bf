import asyncio
import copy

import pytest
from tests.unit.kube.fakeanswers import Answer, failed
from tests.unit.sessions.world import (
    BEFORE,
    MOMENT,
    NOW,
    ROUTED,
    in_cluster,
    leases,
    put_service,
    routed,
)
from tests.unit.sessions.world import selector as selector_of
from tests.unit.tunnel.ends import until

from ktconnect.errors import Conflict, Forbidden, KtError
from ktconnect.kube.client import Cluster
from ktconnect.objects.session import LEASE, SHARED, Session, lease, record_of
from ktconnect.sessions import shared as shared_lease
from ktconnect.sessions.lease import Over, SessionLease
from ktconnect.sessions.shared import Led, SharedLease, find_shared
from ktconnect.sessions.shared_names import shared_name, shared_session

NAME = shared_name("web")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(shared_lease, "LOOK", 0.01)
    monkeypatch.setattr("ktconnect.sessions.restore.SETTLE_SECONDS", 0)


class User:
    """One who meshes the Service: with a session of their own, and a part in what is shared."""

    def __init__(self, cluster, who, restore_after=60.0):
        session = Session(f"kt-mesh-web-{who}", "demo", "shadow-mesh", f"{who}@laptop")
        config = {"mode": "mesh", "target": "service/web", SHARED: NAME}
        self.own = SessionLease(cluster, session, config)
        self.shared = SharedLease(cluster, "web", "demo", "router", restore_after=restore_after)

    async def come(self):
        await self.own.create()
        return await self.shared.join([routed()])

    async def go(self):
        """Whether everything had to be put back."""
        last = await self.shared.end(self.own)
        if last:
            await self.shared.give_back()
            await self.shared.delete()
        await self.own.delete()
        return last


def stored(api):
    return record_of(api.objects[LEASE, "demo", NAME])


async def test_the_first_makes_it_and_all_others_join_it_whatever_they_would_have_made():
    async with in_cluster() as (api, cluster):
        ann, bob = User(cluster, "ann", restore_after=8), User(cluster, "bob")
        assert await ann.come() is True
        bob.shared = SharedLease(cluster, "web", "demo", "istio")
        await bob.own.create()
        assert await bob.shared.join([]) is False
        assert bob.shared.record.journal == (routed(),)
        assert bob.shared.driver == "router"
        assert bob.shared.owner == ann.shared.owner
        record = await find_shared(cluster, "demo", "web")
        assert record is not None
        assert record == stored(api)
        assert (record.role, record.mode, record.target) == ("router", "router", "service/web")
        assert await find_shared(cluster, "demo", "other") is None


async def test_whoever_renews_keeps_it_alive_for_all():
    async with in_cluster() as (api, cluster):
        ann, bob = User(cluster, "ann"), User(cluster, "bob")
        await ann.come()
        api.now = NOW + 50
        async with Cluster(api.config()) as other:
            bob = User(other, "bob")
            await bob.come()
        assert (stored(api).renewed - MOMENT).total_seconds() >= 49


async def test_the_last_one_out_puts_back_and_nobody_before():
    async with in_cluster() as (api, cluster):
        put_service(api, selector=ROUTED)
        users = [User(cluster, who) for who in ("ann", "bob", "eve")]
        for user in users:
            await user.come()
        assert await users[0].go() is False
        assert await users[2].go() is False
        assert selector_of(api) == ROUTED
        assert await users[1].go() is True
        assert selector_of(api) == BEFORE
        assert leases(api) == []


async def test_two_who_leave_at_once_do_not_both_leave_it_to_the_other():
    async with in_cluster() as (api, cluster):
        put_service(api, selector=ROUTED)
        users = [User(cluster, who) for who in ("ann", "bob", "eve")]
        for user in users:
            await user.come()
        last = await asyncio.gather(*(user.go() for user in users))
        assert sum(last) == 1
        assert selector_of(api) == BEFORE
        assert await find_shared(cluster, "demo", "web") is None


async def test_the_dead_do_not_count():
    async with in_cluster() as (api, cluster):
        await User(cluster, "ann").come()
        api.now = NOW + 100
        async with Cluster(api.config()) as other:
            bob = User(other, "bob")
            assert await bob.come() is False
            assert await bob.shared.end(bob.own) is True


async def test_who_has_announced_a_session_but_not_joined_yet_counts():
    async with in_cluster() as (_, cluster):
        ann, bob = User(cluster, "ann"), User(cluster, "bob")
        await ann.come()
        await bob.own.create()
        assert await ann.shared.end(ann.own) is False
        assert await bob.shared.end(bob.own) is True  # gave up before it had joined


class Slow(SharedLease):
    """Between its look at the others and its mark, somebody comes."""

    def __init__(self, cluster, meanwhile):
        super().__init__(cluster, "web", "demo", "router")
        self._meanwhile = meanwhile

    async def others(self, own):
        found = await super().others(own)
        if not found:
            await self._meanwhile()
        return found


async def test_who_joins_while_the_last_one_leaves_is_not_left_alone():
    async with in_cluster() as (api, cluster):
        ann, bob = User(cluster, "ann"), User(cluster, "bob")
        await ann.come()
        slow = Slow(cluster, bob.come)
        assert await slow.end(ann.own) is False
        assert stored(api).taken_by == ""
        assert await bob.shared.end(bob.own) is True


async def test_who_joins_too_late_waits_until_all_is_put_back_and_begins_anew():
    async with in_cluster() as (api, cluster):
        put_service(api, selector=ROUTED)
        ann, bob = User(cluster, "ann"), User(cluster, "bob")
        await ann.come()
        assert await ann.shared.end(ann.own) is True
        assert "ann@laptop" in stored(api).taken_by
        async with asyncio.TaskGroup() as tasks:
            joining = tasks.create_task(bob.come())
            await asyncio.sleep(0.05)
            assert not joining.done()
            assert await ann.go() is True
        assert joining.result() is True
        assert selector_of(api) == BEFORE


async def test_who_has_left_never_makes_it_again():
    async with in_cluster() as (api, cluster):
        put_service(api, selector=ROUTED)
        ann = User(cluster, "ann")
        await ann.come()
        assert await ann.go() is True
        with pytest.raises(Conflict, match="left by us"):
            await ann.shared.join([routed()])
        assert await find_shared(cluster, "demo", "web") is None


async def test_it_is_put_back_in_the_place_of_a_last_one_who_died_over_it():
    async with in_cluster() as (api, cluster):
        put_service(api, selector=ROUTED)
        ann = User(cluster, "ann")
        await ann.come()
        assert await ann.shared.end(ann.own)
        api.now = NOW + 100
        async with Cluster(api.config()) as other:
            assert await User(other, "bob").come() is True
        assert selector_of(api) == BEFORE


async def test_who_joins_waits_for_as_long_as_it_takes_to_see_that_the_last_one_died(monkeypatch):
    monkeypatch.setattr(shared_lease, "JOIN_WITHIN", 0.0)
    async with in_cluster() as (api, cluster):
        put_service(api, selector=ROUTED)
        ann = User(cluster, "ann")
        await ann.come()
        assert await ann.shared.end(ann.own)
        api.now = NOW + 57
        async with Cluster(api.config()) as other, asyncio.TaskGroup() as tasks:
            joining = tasks.create_task(User(other, "bob").come())
            await asyncio.sleep(0.1)
            assert not joining.done()
            api.now = NOW + 61
        assert joining.result() is True
        assert selector_of(api) == BEFORE


async def test_a_way_to_one_of_us_is_never_what_was_before():
    async with in_cluster() as (api, cluster):
        ann, bob = User(cluster, "ann"), User(cluster, "bob")
        with pytest.raises(Led, match="whose session is gone"):
            await ann.shared.join([routed(before=ROUTED)])
        assert await find_shared(cluster, "demo", "web") is None
        await bob.come()
        assert await ann.shared.join([routed(before=ROUTED)]) is False
        assert stored(api).journal == (routed(),)


async def test_who_waits_for_one_that_does_not_end_is_told_whose_that_is(monkeypatch):
    monkeypatch.setattr(shared_lease, "JOIN_WITHIN", 1.0)
    async with in_cluster() as (api, cluster):
        put_service(api, selector=ROUTED)
        ann = User(cluster, "ann", restore_after=1)
        await ann.come()
        assert await ann.shared.end(ann.own)
        with pytest.raises(Conflict, match=r"service/web is being put back, by ann@laptop"):
            await User(cluster, "bob").come()


async def test_what_can_not_be_put_back_is_said():
    async with in_cluster() as (api, cluster):
        put_service(api, selector=ROUTED)
        ann = User(cluster, "ann")
        await ann.come()
        assert await ann.shared.end(ann.own)
        api.now = NOW + 100
        api.denied = {("patch", "services", "demo")}
        async with Cluster(api.config()) as other:
            with pytest.raises(Forbidden, match="patch services"):
                await User(other, "eve").come()


async def test_a_journal_that_nobody_may_undo_is_not_joined():
    async with in_cluster() as (_, cluster):
        ann = User(cluster, "ann")
        await ann.own.create()
        await ann.shared.create([routed(after={"app": "other"})])
        with pytest.raises(KtError, match="does not trust"):
            await User(cluster, "bob").come()


async def test_of_two_who_rewrite_the_journal_the_one_who_has_not_read_the_other_is_told():
    async with in_cluster() as (api, cluster):
        ann, bob = User(cluster, "ann"), User(cluster, "bob")
        await ann.come()
        await bob.come()
        await ann.shared.write_journal([routed(before={"app": "web", "v": "2"})])
        with pytest.raises(Conflict):
            await bob.shared.write_journal([routed(before={"app": "web", "v": "1"})])
        assert await bob.shared.refresh() == stored(api)
        await bob.shared.write_journal([routed(before={"app": "web", "v": "3"})])
        assert stored(api).journal[0].before == {"app": "web", "v": "3"}


async def test_one_that_is_ended_or_made_anew_is_not_read_as_the_one_that_was_joined():
    async with in_cluster() as (api, cluster):
        ann = User(cluster, "ann")
        await ann.come()
        assert await ann.shared.refresh() is not None
        api.remove(LEASE, NAME, "demo")
        assert await ann.shared.refresh() is None
        assert await ann.shared.join([]) is True  # and it may be joined again
        assert await ann.shared.end(ann.own) is True
        assert await ann.shared.refresh() is None
        assert await ann.shared.end(ann.own) is True  # said again, after what followed had failed
        api.remove(LEASE, NAME, "demo")
        assert await ann.shared.refresh() is None
        assert await ann.shared.end(ann.own) is False
        await User(cluster, "bob").come()
        assert await ann.shared.refresh() is None


LEASE_PATH = f"/apis/coordination.k8s.io/v1/namespaces/demo/leases/{NAME}"


def meanwhile(api, happens):
    """Something happens just after the Lease was read the next time."""

    def read(asked):
        del api.routes[LEASE_PATH]
        answer = api._answer(asked)
        seen = Answer(answer.status, copy.deepcopy(answer.body))
        happens()
        return seen

    api.routes[LEASE_PATH] = read


async def test_who_finds_nothing_and_yet_is_not_the_first_joins():
    async with in_cluster() as (api, cluster):
        session = shared_session("web", "demo")
        theirs = lease(session, MOMENT, {"mode": "router", "driver": "istio"}, [routed()])
        meanwhile(api, lambda: api.put(theirs))
        ann = User(cluster, "ann")
        assert await ann.come() is False
        assert ann.shared.driver == "istio"


async def test_who_joins_what_changes_at_that_moment_looks_again():
    async with in_cluster() as (api, cluster):
        await User(cluster, "ann").come()
        meanwhile(api, lambda: api.put(api.objects[LEASE, "demo", NAME]))
        assert await User(cluster, "bob").come() is False


async def test_who_leaves_what_never_stands_still_leaves_it_to_others(monkeypatch):
    monkeypatch.setattr(shared_lease, "TRIES", 2)
    async with in_cluster() as (api, cluster):
        ann = User(cluster, "ann")
        await ann.come()

        def read(asked):
            if asked.method == "PATCH":
                return failed(409, "Conflict", "it was changed")
            return Answer(body=api.objects[LEASE, "demo", NAME])

        api.routes[LEASE_PATH] = read
        assert await ann.shared.end(ann.own) is False


async def test_it_is_kept_alive_together_with_the_session_of_whoever_shares_it():
    async with in_cluster() as (api, cluster):
        ann = User(cluster, "ann")
        ann.own.renew_with(ann.shared)
        await ann.own.create()
        async with asyncio.TaskGroup() as tasks:
            alive = tasks.create_task(ann.own.keep_alive(every=0.01))
            await renewals(api, 2)
            await ann.shared.join([routed()])
            await renewals(api, 2, NAME)
            api.denied = {("patch", "leases", "demo")}  # no reason to give up
            await renewals(api, 2, NAME)
            api.denied = set()
            api.remove(LEASE, NAME, "demo")
            await until(lambda: (LEASE, "demo", NAME) in api.objects)
            assert stored(api).journal == (routed(),)
            await ann.shared.end(ann.own)
            api.remove(LEASE, NAME, "demo")
            await renewals(api, 2)
            alive.cancel()
        assert await find_shared(cluster, "demo", "web") is None


async def renewals(api, number, name="kt-mesh-web-ann"):
    """Until the Lease was patched so many times more."""

    def count():
        return sum(each.method == "PATCH" and each.path.endswith(name) for each in api.asked)

    begin = count()
    await until(lambda: count() >= begin + number)


async def test_who_renews_at_the_slower_pace_takes_the_faster_one():
    async with in_cluster() as (_, cluster):
        ann = User(cluster, "ann", restore_after=8)
        await ann.come()
        bob = User(cluster, "bob")
        assert bob.shared.pace == 15
        await bob.come()
        assert bob.shared.pace == ann.shared.pace == 2


async def test_who_was_undone_while_it_slept_makes_nothing_anew():
    async with in_cluster() as (api, cluster):
        ann = User(cluster, "ann")
        ann.own.renew_with(ann.shared)
        await ann.come()
        for name in (NAME, ann.own.session.name):
            api.remove(LEASE, name, "demo")
        with pytest.raises(Over, match="its Lease was deleted"):
            await ann.shared.renew()
        assert (LEASE, "demo", NAME) not in api.objects
