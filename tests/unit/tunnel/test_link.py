import asyncio
import struct

import pytest
from tests.unit.tunnel.ends import Heard, link_pair, paper_link, until

from ktconnect.tunnel.dial import Dialer
from ktconnect.tunnel.link import LAST_NUMBER, MAX_STREAMS, Link, Role
from ktconnect.tunnel.outbox import CONTROL_LIMIT
from ktconnect.wire.frames import HEADER, Kind, encode, encode_number
from ktconnect.wire.reasons import Reason
from ktconnect.wire.target import Target

TARGET = Target("tcp", "10.0.0.1", 80)


class Notes:
    """A member that writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    def data(self, payload: memoryview) -> None:
        self.heard.append(bytes(payload))

    def datagram(self, payload: memoryview) -> None:
        self.heard.append(("datagram", bytes(payload)))

    def eof(self) -> None:
        self.heard.append("eof")

    def granted(self, credit: int) -> None:
        self.heard.append(("granted", credit))

    def opened(self) -> None:
        self.heard.append("opened")

    def reset(self, errno: int) -> None:
        self.heard.append(("reset", errno))


def feed(link: Link, *frames: bytes) -> None:
    link.data_received(memoryview(b"".join(frames)))


async def test_frames_reach_the_member_they_are_for():
    link, _, _ = paper_link()
    one, two = Notes(), Notes()
    link.add(1, one)
    link.add(3, two)
    feed(
        link,
        encode(Kind.DATA, 1, b"x"),
        encode(Kind.DATAGRAM, 3, b"y"),
        encode_number(Kind.WINDOW, 1, 9),
        encode(Kind.EOF, 1),
        encode_number(Kind.RESET, 3, 104),
    )
    assert one.heard == [b"x", ("granted", 9), "eof"]
    assert two.heard == [("datagram", b"y"), ("reset", 104)]
    assert link.streams == 1


async def test_only_who_opened_a_stream_hears_that_its_target_accepted():
    link, _, heard = paper_link(Role.LAPTOP)
    ours, theirs = Notes(), Notes()
    link.add(link.open(TARGET), ours)
    link.add(2, theirs)
    feed(link, encode(Kind.OPENED, 1))
    assert ours.heard == ["opened"]
    feed(link, encode(Kind.OPENED, 2))
    assert heard.closings == ["OPENED on stream 2"]


async def test_what_was_under_way_when_a_stream_ended_is_dropped():
    link, pipe, heard = paper_link()
    feed(link, encode(Kind.DATA, 9, b"late"), encode(Kind.EOF, 9), encode(Kind.DATAGRAM, 9))
    assert pipe.frames == []
    assert heard.closings == []


async def test_a_ping_is_answered_with_the_same_bytes():
    link, pipe, _ = paper_link()
    feed(link, encode(Kind.PING, 0, b"12345678"))
    assert pipe.frames == [(Kind.PONG, 0, b"12345678")]


async def test_a_peers_own_ping_says_nothing_of_our_way_to_it():
    link, pipe, _ = paper_link()
    link.ping()
    link.heard = 0.0
    feed(link, encode(Kind.PING, 0, b"12345678"))
    assert link.heard == 0.0
    feed(link, encode(Kind.PONG, 0, pipe.frames[0][2]))
    assert link.heard > 0.0


async def test_an_answered_ping_tells_the_round_trip():
    link, pipe, _ = paper_link()
    rtts: list[float] = []
    link.ping(rtts.append)
    await until(lambda: pipe.frames)
    feed(link, encode(Kind.PONG, 0, pipe.frames[0][2]))
    assert rtts == [link.pings.rtt]


async def test_without_somebody_to_answer_a_stream_is_refused():
    link, pipe, _ = paper_link(Role.LAPTOP)
    feed(link, encode(Kind.OPEN, 2, b"tcp:10.0.0.1:80"))
    assert pipe.frames == [(Kind.RESET, 2, struct.pack(">I", Reason.EPERM))]


async def test_either_side_may_open():
    opened: list[tuple[int, str]] = []
    link, pipe, _ = paper_link(Role.LAPTOP)
    link.on_open = lambda link, number, text: opened.append((number, text))
    feed(link, encode(Kind.OPEN, 2, str(TARGET).encode()))
    assert opened == [(2, str(TARGET))]
    assert [link.open(TARGET), link.open(TARGET)] == [1, 3]
    await until(lambda: pipe.frames)
    assert pipe.frames[0] == (Kind.OPEN, 1, b"tcp:10.0.0.1:80")


async def test_a_target_that_means_nothing_is_refused():
    link, pipe, _ = paper_link(Role.AGENT)
    link.on_open = Dialer(link.loop)
    feed(link, encode(Kind.OPEN, 1, b"\xff\xff"))
    assert pipe.frames == [(Kind.RESET, 1, struct.pack(">I", Reason.EINVAL))]


async def test_more_streams_than_a_link_carries_are_refused():
    link, pipe, _ = paper_link(Role.AGENT)
    link.on_open = lambda *_: pytest.fail("opened")
    notes = Notes()
    for number in range(MAX_STREAMS):
        link.add(2 * number, notes)
    feed(link, encode(Kind.OPEN, 1, str(TARGET).encode()))
    assert pipe.frames == [(Kind.RESET, 1, struct.pack(">I", Reason.ENFILE))]


@pytest.mark.parametrize(
    ("frames", "why"),
    [
        (encode(Kind.OPEN, 3, b"tcp:a:1"), "stream 3 can't be opened"),
        (encode(Kind.OPEN, 4, b"tcp:a:1") + encode(Kind.OPEN, 2, b"tcp:a:1"), "stream 2 can't be"),
        (encode(Kind.OPEN, 1, b"tcp:a:1"), "OPEN on stream 1"),
        (HEADER.pack(77 << 24, 1), "unknown frame kind 77"),
    ],
)
async def test_a_peer_that_breaks_the_protocol_loses_its_link(frames, why):
    link, pipe, heard = paper_link(Role.LAPTOP)
    notes = Notes()
    link.add(1, notes)
    feed(link, frames, encode(Kind.DATA, 1, b"not any more"))
    (closing,) = heard.closings
    assert why in closing
    assert pipe.closed
    assert notes.heard == [("reset", Reason.ECONNABORTED)]


async def test_a_lost_pipe_resets_every_stream_and_is_told_once():
    link, pipe, heard = paper_link()
    members = [Notes(), Notes()]
    for member in members:
        link.add(link.open(TARGET), member)
    pipe.events.pipe_lost("gone")
    link.fail("again")
    assert [member.heard for member in members] == [[("reset", Reason.ECONNABORTED)]] * 2
    assert heard.closings == ["gone"]
    assert link.closed
    assert not link.greeted


async def test_our_own_close_is_not_told():
    link, pipe, heard = paper_link()
    link.close()
    link.close()
    pipe.events.pipe_lost("gone")
    assert heard.closings == []


async def test_a_peer_that_does_not_read_loses_its_link():
    link, _, heard = paper_link(room=1)
    far = Target("tcp", "x" * 250, 80)
    for _ in range(CONTROL_LIMIT // 250):
        link.open(far)
    await until(lambda: heard.closings)
    assert heard.closings == ["the other side does not read"]


async def test_a_datagram_that_is_too_long_is_dropped():
    link, pipe, _ = paper_link()
    assert not link.send_datagram(1, bytes(65_536))
    assert link.send_datagram(1, bytes(65_535))
    await until(lambda: pipe.frames)
    assert len(pipe.frames) == 1


async def test_the_numbers_of_a_link_are_used_up_slowly():
    link, _, _ = paper_link()
    before = link.age
    link.open(TARGET)
    assert before < link.age < 1e-6


async def test_the_first_frames_may_follow_the_hello_at_once():
    opened: list[str] = []
    with link_pair(lambda link, number, text: opened.append(text)) as (laptop, agent):
        laptop.open(TARGET)
        await until(lambda: opened)
        assert agent.greeted
        await until(lambda: laptop.greeted)


async def test_a_stranger_is_sent_away_with_the_reason():
    with link_pair(token="wrong") as (laptop, agent):
        await until(lambda: laptop.closed and agent.closed)
        assert closings(agent) == ["wrong token"]
        assert closings(laptop) == ["the agent refused: wrong token"]


def closings(link: Link) -> list[str]:
    assert isinstance(link._events, Heard)
    return link._events.closings


class Fragile:
    """A member with a defect."""

    def __init__(self) -> None:
        self.resets: list[int] = []

    def data(self, payload: memoryview) -> None:
        raise ValueError("what nobody expected")

    def reset(self, errno: int) -> None:
        self.resets.append(errno)


async def test_a_defect_in_one_stream_is_told_and_resets_that_stream_alone():
    link, pipe, heard = paper_link()
    told: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    fragile, whole = Fragile(), Recorder()
    link.add(1, fragile)  # type: ignore[arg-type]
    link.add(3, whole)  # type: ignore[arg-type]
    feed(link, encode(Kind.DATA, 1, b"x") + encode(Kind.DATA, 3, b"y"))
    assert fragile.resets == [Reason.ECONNABORTED]
    assert pipe.frames == [(Kind.RESET, 1, struct.pack(">I", Reason.ECONNABORTED))]
    assert whole.got == [b"y"]
    assert heard.closings == []
    assert "what nobody expected" in str(told[0]["exception"])


class Recorder:
    def __init__(self) -> None:
        self.got: list[bytes] = []

    def data(self, payload: memoryview) -> None:
        self.got.append(bytes(payload))

    def reset(self, errno: int) -> None:
        self.got.append(b"reset")


async def test_a_link_is_worn_by_the_numbers_of_either_side():
    link, _, _ = paper_link(Role.LAPTOP)
    feed(link, encode(Kind.OPEN, LAST_NUMBER // 2 // 2 * 2, b"tcp:10.0.0.1:80"))
    assert 0.49 < link.age < 0.51
