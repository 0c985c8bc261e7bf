import asyncio

import pytest

from ktconnect.apply.change import Change
from ktconnect.apply.engine import apply, revert
from ktconnect.apply.journal import Journal
from ktconnect.errors import Conflict, KtError


class Killed(BaseException):
    """Stands for kill -9: nothing after it runs."""


class FakeBackend:
    """A dict that can be killed at its n-th step; a write is two: before and after its effect."""

    def __init__(self, state, lives=1000):
        self.state = dict(state)
        self.lives = lives

    def step(self):
        self.lives -= 1
        if self.lives < 0:
            raise Killed

    async def read(self, key):
        self.step()
        return self.state.get(key)

    async def write(self, key, value, *, expected):
        self.step()
        if self.state.get(key) != expected:
            raise Conflict(key)
        if value is None:
            del self.state[key]
        else:
            self.state[key] = value
        self.step()


BEFORE = {"selector": {"app": "web"}, "replicas": 3}
CHANGES = [
    Change("kube", "pod", {"image": "agent"}),
    Change("kube", "selector", {"kt": "7f3a"}),
    Change("kube", "replicas", None),
    Change("kube", "pod", {"image": "agent", "ready": True}),
]
AFTER = {"selector": {"kt": "7f3a"}, "pod": {"image": "agent", "ready": True}}


@pytest.fixture
def journal(tmp_path):
    return Journal.open(tmp_path, "7f3a")


async def test_revert_restores_what_was_there_before(journal):
    kube = FakeBackend(BEFORE)
    await apply(CHANGES, {"kube": kube}, journal)
    assert kube.state == AFTER
    undone = await revert({"kube": kube}, journal)
    assert kube.state == BEFORE
    assert undone == ("replicas", "selector", "pod")
    assert not journal.path.exists()


async def test_applying_twice_changes_and_records_nothing_more(journal):
    kube = FakeBackend(BEFORE)
    await apply(CHANGES[:3], {"kube": kube}, journal)
    recorded = journal.entries()
    await apply(CHANGES[:3], {"kube": kube}, journal)
    assert journal.entries() == recorded


@pytest.mark.parametrize("lives", range(12))
async def test_a_kill_at_any_step_of_apply_can_be_undone(journal, lives):
    kube = FakeBackend(BEFORE, lives)
    with pytest.raises(Killed):
        await apply(CHANGES, {"kube": kube}, journal)
    kube.lives = 1000
    await revert({"kube": kube}, journal)
    assert kube.state == BEFORE


@pytest.mark.parametrize("lives", range(9))
async def test_a_kill_at_any_step_of_revert_can_be_undone(journal, lives):
    kube = FakeBackend(BEFORE)
    await apply(CHANGES, {"kube": kube}, journal)
    kube.lives = lives
    with pytest.raises(Killed):
        await revert({"kube": kube}, journal)
    kube.lives = 1000
    await revert({"kube": kube}, journal)
    assert kube.state == BEFORE


async def test_what_others_changed_is_reported_and_the_rest_is_undone(journal):
    kube = FakeBackend(BEFORE)
    await apply(CHANGES, {"kube": kube}, journal)
    kube.state["selector"] = {"app": "web-v2"}
    with pytest.raises(Conflict, match="selector: changed by someone else"):
        await revert({"kube": kube}, journal)
    assert kube.state == {"selector": {"app": "web-v2"}, "replicas": 3}
    assert journal.path.exists()


async def test_what_fails_for_a_moment_can_be_undone_by_another_try(journal):
    class ReadOnly(FakeBackend):
        async def write(self, key, value, *, expected):
            raise OSError("read-only file system")

    kube = FakeBackend(BEFORE)
    await apply(CHANGES, {"kube": kube}, journal)
    with pytest.raises(KtError, match="read-only") as caught:
        await revert({"kube": ReadOnly(kube.state)}, journal)
    assert not isinstance(caught.value, Conflict)
    assert "again" in caught.value.hint
    await revert({"kube": kube}, journal)
    assert kube.state == BEFORE


async def test_a_change_of_others_that_was_applied_over_is_what_comes_back(journal):
    kube = FakeBackend({"resolver": "old"})
    await apply([Change("kube", "resolver", "ours")], {"kube": kube}, journal)
    kube.state["resolver"] = "new"
    await apply([Change("kube", "resolver", "ours again")], {"kube": kube}, journal)
    await revert({"kube": kube}, journal)
    assert kube.state == {"resolver": "new"}


async def test_apply_stops_at_the_first_step_that_fails(journal):
    class Busy(FakeBackend):
        async def read(self, key):
            value = await super().read(key)
            self.state["selector"] = "theirs"
            return value

    kube = Busy(BEFORE)
    with pytest.raises(Conflict):
        await apply(CHANGES[1:], {"kube": kube}, journal)
    assert kube.state == {"selector": "theirs", "replicas": 3}


async def test_cancelling_apply_leaves_a_journal_that_undoes_it(journal):
    class Slow(FakeBackend):
        async def write(self, key, value, *, expected):
            await super().write(key, value, expected=expected)
            await asyncio.Event().wait()

    kube = Slow(BEFORE)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await apply(CHANGES, {"kube": kube}, journal)
    assert "pod" in kube.state
    await revert({"kube": FakeBackend(kube.state)}, journal)
