"""Callers of an agent while its laptop dies: the real program on a bare interpreter, real signals.

What the table in docs/design/tunnel.md promises is asserted here.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.unit.agent.calling import saying
from tests.unit.tunnel.ends import TOKEN, free_port

from ktconnect.modes.bundle import agent_bundle
from ktconnect.wire.hello import token_digest
from ktconnect.wire.spec import AgentSpec, Listen
from ktconnect.wire.target import Target

LAPTOP = [sys.executable, "-m", "tests.netns.laptop_answering"]

LONGEST = 6.0
"""Seconds that a caller may have to wait, whatever happens to the laptop."""

EVERY = 0.02


@pytest.fixture(scope="module")
def pyz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("agent") / "ktagent.pyz"
    path.write_bytes(agent_bundle())
    return path


@dataclass
class Place:
    agent: subprocess.Popen[bytes]
    spec: AgentSpec

    @property
    def port(self) -> int:
        return self.spec.listens[0].port


@contextlib.contextmanager
def agent(pyz: Path, origin: Target) -> Iterator[Place]:
    listen = Listen("tcp", free_port(), f"127.0.0.1:{origin.port}")
    spec = AgentSpec(token_digest(TOKEN), free_port(), (listen,))
    command = [sys.executable, "-I", "-S", str(pyz)]
    with subprocess.Popen([*command, *spec.to_argv()], stderr=subprocess.DEVNULL) as process:
        try:
            check = [*command, "--check", "--port", str(spec.port)]  # waits for three seconds
            assert any(subprocess.run(check, check=False).returncode == 0 for _ in range(20))
            yield Place(process, spec)
        finally:
            process.kill()


@contextlib.contextmanager
def laptop(place: Place, target: Target) -> Iterator[subprocess.Popen[bytes]]:
    """A laptop that answers; it may be dead by the end."""
    argv = [*LAPTOP, str(place.spec.port), TOKEN, str(place.port), str(target)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(argv, cwd=root, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"up\n"
            yield process
        finally:
            process.send_signal(signal.SIGCONT)
            process.kill()


@dataclass
class Callers:
    """One new connection every ``EVERY`` seconds, while they are not paused."""

    port: int
    answers: list[bytes] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    longest: float = 0.0
    late: float = 0.0
    """How late this machine was, at its worst, with a simple sleep: it has other work."""

    async def one(self) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(b"?")
            writer.write_eof()
            self.answers.append(await reader.read())
            writer.close()
        except OSError as error:
            self.failures.append(str(error))
        self.longest = max(self.longest, loop.time() - began)

    async def call_for(self, seconds: float) -> None:
        """Call for so long, and until the last one has its answer."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(int(seconds / EVERY)):
                tasks.create_task(self.one())
                began = asyncio.get_running_loop().time()
                await asyncio.sleep(EVERY)
                self.late = max(self.late, asyncio.get_running_loop().time() - began)

    async def call_until(self, answer: bytes) -> None:
        """Call until that is the answer."""
        await self.one()
        while self.answers[-1] != answer:
            await asyncio.sleep(EVERY)
            await self.one()


@contextlib.asynccontextmanager
async def ends() -> AsyncIterator[tuple[Target, Target]]:
    async with saying(b"origin") as origin, saying(b"laptop") as local:
        yield origin, local


@pytest.mark.timeout(120)
@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM])
async def test_the_death_of_a_laptop_costs_callers_a_wait_and_no_error(pyz, death):
    async with ends() as (origin, local):
        with agent(pyz, origin) as place:
            callers = Callers(place.port)
            with laptop(place, local) as process:
                await callers.call_for(1)
                assert set(callers.answers) == {b"laptop:?"}
                process.send_signal(death)
                await callers.call_for(6)
                assert callers.answers[-1] == b"origin:?"
                if death == signal.SIGSTOP:  # it wakes up, and resumes by itself
                    process.send_signal(signal.SIGCONT)
                    await callers.call_until(b"laptop:?")
            with laptop(place, local):
                await callers.call_for(0.5)
            assert callers.answers[-1] == b"laptop:?"
            assert callers.failures == []
            assert callers.longest <= LONGEST + 2 * callers.late


@pytest.mark.timeout(300)
async def test_ten_thousand_calls_leave_no_descriptor_open_at_either_end(pyz):
    async with ends() as (origin, local):
        with agent(pyz, origin) as place, laptop(place, local) as process:
            callers = Callers(place.port)
            await callers.call_for(0.5)
            both = (place.agent.pid, process.pid)
            before = await settled(both)
            gate = asyncio.Semaphore(100)

            async def through_gate() -> None:
                async with gate:
                    await callers.one()

            async with asyncio.TaskGroup() as tasks:
                for _ in range(10_000):
                    tasks.create_task(through_gate())
            assert callers.failures == []
            assert set(callers.answers) == {b"laptop:?"}
            assert await settled(both, before) == before


async def settled(pids: tuple[int, ...], wanted: list[int] | None = None) -> list[int]:
    """How many descriptors each process holds, once that is ``wanted`` or stays the same."""
    last: list[int] = []
    for _ in range(100):
        now = [len(os.listdir(f"/proc/{pid}/fd")) for pid in pids]
        if now == wanted or (wanted is None and now == last):
            return now
        last = now
        await asyncio.sleep(0.1)
    return last
