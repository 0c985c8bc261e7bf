import pytest
from tests.unit.kube.fakeexec import SUCCESS, V4, FakeExec, failed

from ktconnect.errors import Refused, TunnelClosed
from ktconnect.kube import exec as module
from ktconnect.kube.client import Cluster
from ktconnect.kube.exec import output

CAT = ("cat", "/proc/net/tcp", "a b&c")
MISSING = failed('exec: "cat": executable file not found in $PATH')


async def ask(fake: FakeExec, pod: str) -> bytes:
    async with fake.serving(), Cluster(fake.config()) as cluster:
        return await output(cluster, "shop", pod, "web", CAT)


@pytest.mark.parametrize("spoken", [(), (V4,)])
async def test_what_a_command_prints_is_returned_whole(spoken):
    fake = FakeExec({"web-0": (b"all that is printed", SUCCESS)}, *spoken)
    assert await ask(fake, "web-0") == b"all that is printed"
    assert fake.commands[-1] == ("web-0", list(CAT))


async def test_a_command_that_fails_in_part_has_printed_something():
    assert await ask(FakeExec({"web-0": (b"half", failed("exit code 1"))}), "web-0") == b"half"


@pytest.mark.parametrize(
    ("status", "why"), [(MISSING, "not found"), (b"what?", "what?"), (b"[]", "")]
)
async def test_one_that_prints_nothing_and_fails_is_refused_with_the_reason(status, why):
    with pytest.raises(Refused, match=f"cat can't be run in Pod shop/web-0: .*{why}"):
        await ask(FakeExec({"web-0": (b"", status)}), "web-0")


async def test_a_connection_that_breaks_says_nothing_of_the_command():
    with pytest.raises(TunnelClosed, match="was lost"):
        await ask(FakeExec({"web-0": (b"half", b"")}), "web-0")


async def test_one_that_does_not_end_is_left(monkeypatch):
    monkeypatch.setattr(module, "LIMIT", 0.1)
    with pytest.raises(TunnelClosed, match="did not end"):
        await ask(FakeExec({}), "web-0")


async def test_one_that_prints_without_end_is_stopped(monkeypatch):
    monkeypatch.setattr(module, "MOST", 10)
    fake = FakeExec({"web-0": (b"more than ten bytes", b"")})
    assert len(await ask(fake, "web-0")) >= 10
