import asyncio
import errno

import pytest
from tests.unit.tunnel.ends import free_port, running, running_agent, serving, tunnel_to
from tests.unit.tunnel.test_dial import deaf_server, greet

from ktconnect.errors import TunnelClosed
from ktconnect.tunnel.pipe import Pipe
from ktconnect.tunnel.reach import NotReached, why
from ktconnect.tunnel.tunnel import Tunnel
from ktconnect.wire.target import Target


async def test_a_target_that_accepts_is_reached():
    with running_agent() as port:
        async with serving(greet) as target, tunnel_to(port) as tunnel:
            assert 0 < await tunnel.reach(target) < 5
            assert await tunnel.reach(Target("udp", "127.0.0.1", free_port())) > 0


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (Target("tcp", "127.0.0.1", 1), "can't reach tcp:127.0.0.1:1: connection refused"),
        (Target("tcp", "no.such.name.invalid", 80), "no such host"),
        (Target("unix", "/nowhere"), "no such file"),
    ],
)
async def test_a_target_that_can_not_be_reached_is_told_with_the_reason(target, words):
    with running_agent() as port:
        async with tunnel_to(port) as tunnel:
            with pytest.raises(NotReached, match=words):
                await tunnel.reach(target)


async def test_a_target_that_does_not_answer_is_given_up_after_the_limit():
    with running_agent() as port, deaf_server() as deaf:
        async with tunnel_to(port) as tunnel:
            with pytest.raises(NotReached, match="does not answer") as failed:
                await tunnel.reach(deaf, limit=0.1)
            assert failed.value.errno == errno.ETIMEDOUT
            assert tunnel.statistics().streams == 0


async def test_the_connection_is_held_as_long_as_it_is_needed():
    met, seen = asyncio.Event(), []

    async def wait(reader, writer):
        met.set()
        seen.append(await reader.read(1))  # an error, if it had been reset before it was seen

    async with serving(wait) as target:
        with running_agent() as port:
            async with tunnel_to(port) as tunnel:
                await tunnel.reach(target, hold=met.wait())
                assert met.is_set()


async def test_the_loss_of_the_tunnel_is_no_verdict_on_the_target():
    with running_agent() as port, deaf_server() as deaf:
        async with tunnel_to(port) as tunnel, asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(lost(tunnel, deaf))
            while not tunnel.statistics().streams:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            for lane in list(tunnel._lanes):
                lane.link.fail("cut")
            await asking


async def lost(tunnel: Tunnel, target: Target) -> None:
    with pytest.raises(TunnelClosed, match="was lost while"):
        await tunnel.reach(target)


async def test_without_a_pipe_nothing_can_be_asked():
    async def never() -> Pipe:
        raise OSError("no way")

    async with running(Tunnel(never, "token")) as tunnel:
        with pytest.raises(TunnelClosed, match="no pipe"):
            await tunnel.reach(Target("tcp", "127.0.0.1", 1))


def test_an_errno_without_words_of_ours_has_the_systems():
    assert why(errno.EHOSTDOWN) == "host is down"
