from ktconnect.apply.change import Change, Entry
from ktconnect.apply.engine import undo
from ktconnect.apply.rehearsal import Rehearsal, Step, lines


class Kept:
    """A back end that may be read only."""

    async def read(self, key):
        return {"selector": {"kt": "x"}}.get(key)

    async def write(self, key, value, *, expected):
        raise AssertionError("a rehearsal writes nothing")


async def test_writes_are_kept_and_read_back():
    rehearsal = Rehearsal(Kept())
    await rehearsal.write("selector", {"app": "web"}, expected={"kt": "x"})
    assert await rehearsal.read("selector") == {"app": "web"}
    await rehearsal.write("selector", None, expected={"app": "web"})
    assert await rehearsal.read("selector") is None
    assert rehearsal.steps == [
        Step("selector", {"kt": "x"}, {"app": "web"}),
        Step("selector", {"app": "web"}, None),
    ]


async def test_an_undo_can_be_rehearsed():
    rehearsal = Rehearsal(Kept())
    change = Change("kube", "selector", {"kt": "x"})
    entry = Entry(change.system, change.key, {"app": "web"}, change.after)
    undone = await undo([entry], {"kube": rehearsal})
    assert undone.written == ("selector",)
    assert lines(rehearsal.steps) == ['selector: {"kt": "x"} -> {"app": "web"}']


def test_what_is_absent_is_said_so():
    assert lines([Step("a", None, 3), Step("b", 0, None)]) == ["a: absent -> 3", "b: 0 -> absent"]
