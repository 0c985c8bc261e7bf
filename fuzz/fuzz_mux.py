"""Throw bytes at one end of a tunnel for as long as asked: ``python -m fuzz.fuzz_mux [SECONDS]``.

A peer that sends anything at all may lose its own link and nothing else: no exception escapes, no
memory is kept, nothing is sent that is not a frame.
"""

import asyncio
import itertools
import socket
import sys
import time

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ktconnect.tunnel.link import Link, Role
from ktconnect.tunnel.member import End
from ktconnect.tunnel.pipe import PipeEvents
from ktconnect.tunnel.stream import Stream
from ktconnect.wire.frames import FrameParser, Kind, encode
from ktconnect.wire.hello import AgentDoor, AgentFacts, LaptopDoor, token_digest
from ktconnect.wire.window import Budget

TOKEN = "fuzz"
FACTS = AgentFacts(version="0", python="3")

numbers = st.one_of(st.integers(0, 6), st.integers(0, 2**32 - 1))
payloads = st.one_of(
    st.binary(max_size=64),
    st.sampled_from([b"tcp:10.0.0.1:80", b"udp:[fd00::1]:53", b"icmp:10.0.0.1", b"tcp:x"]),
    st.sampled_from([b"tcp:8080:10.0.0.1:5", b"udp:53:[fd00::1]:5", b"tcp:0:10.0.0.1:5"]),
    st.integers(0, 2**32 - 1).map(lambda number: number.to_bytes(4, "big")),
)
frames = st.builds(encode, st.sampled_from(Kind), numbers, payloads)
traffic = st.lists(st.one_of(frames, st.binary(max_size=40)), max_size=40)
cuts = st.lists(st.integers(1, 50), min_size=1, max_size=5)


class CheckedPipe:
    """Takes what a link sends, and makes sure that it is frames."""

    def __init__(self) -> None:
        self.parser = FrameParser()
        self.greeting = True

    def start(self, events: PipeEvents) -> None:
        """Nothing is delivered by itself."""

    def send(self, buffer: bytearray, start: int, end: int) -> bool:
        """The first send is the greeting."""
        if not self.greeting:
            for _ in self.parser.feed(memoryview(buffer)[start:end]):
                pass
        return True

    def close(self) -> None:
        """Nothing is open."""


class Owner:
    """Hears of the link and answers what the peer opens."""

    def greeted(self, link: Link, facts: AgentFacts | None) -> None:
        """Streams without a socket: what arrives for them is kept."""
        link.on_open = self.answer

    def closed(self, link: Link, error: Exception | str) -> None:
        """As it should be."""

    def answer(self, link: Link, number: int, text: str) -> None:
        """Join it to nothing yet."""
        Stream(link, number)


class Caller:
    """A stream of ours that waits for OPENED, as an agent's callers do. Closes: its socket."""

    def __init__(self, link: Link) -> None:
        self._far, self.sock = socket.socketpair()
        self.sock.setblocking(False)
        self.ends = 0
        self.stream = Stream(link, link.open("tcp:8080:10.0.0.1:5"))
        self.stream.on_opened = lambda: self.stream.attach(self.sock)
        self.stream.on_end = self.ended

    def ended(self, end: End) -> None:
        """Whatever the peer said."""
        self.ends += 1
        self.sock.close()
        self._far.close()


def feed(link: Link, raw: bytes, sizes: list[int]) -> None:
    position = 0
    for size in itertools.cycle(sizes):
        if position >= len(raw) or link.closed:
            return
        link.data_received(memoryview(raw[position : position + size]))
        position += size


def throw(loop: asyncio.AbstractEventLoop, chunks: list[bytes], sizes: list[int]) -> None:
    """One life of a link."""
    budget, pipe = Budget(), CheckedPipe()
    link = Link(loop, pipe, Role.AGENT, Owner(), budget=budget)
    link.start(AgentDoor(token_digest(TOKEN), FACTS))
    link.data_received(memoryview(LaptopDoor(TOKEN).knock))
    pipe.greeting = False
    callers = [Caller(link) for _ in range(2)]
    feed(link, b"".join(chunks), sizes)
    link.close()
    assert [caller.ends for caller in callers] == [1, 1], "a caller's end is told once"
    assert all(caller.sock.fileno() < 0 for caller in callers), "a caller's socket is left open"
    assert budget.held == 0, "memory is kept for streams that are over"
    assert budget.growth == Budget().growth, "growth is not given back"


def main(seconds: float) -> None:
    """Run until the time is over."""
    loop, end, rounds = asyncio.new_event_loop(), time.monotonic() + seconds, 0

    @settings(
        max_examples=500,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(traffic, cuts)
    def one_round(chunks: list[bytes], sizes: list[int]) -> None:
        throw(loop, chunks, sizes)

    while time.monotonic() < end:
        one_round()
        rounds += 500
    loop.close()
    print(f"{rounds} lives of a link, none broke")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 60)
