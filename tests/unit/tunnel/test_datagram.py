import pytest
from tests.unit.tunnel.ends import paper_link

from ktconnect.tunnel.datagram import DatagramFlow
from ktconnect.wire.frames import Kind, encode, encode_number
from ktconnect.wire.target import Target

TARGET = Target("udp", "10.0.0.1", 53)


class Notes:
    def __init__(self):
        self.heard = []

    def datagram_received(self, data):
        self.heard.append(data)

    def flow_closed(self, errno):
        self.heard.append(errno)


def opened():
    link, pipe, heard = paper_link()
    notes = Notes()
    return link, pipe, heard, notes, DatagramFlow(link, TARGET, notes)


async def test_messages_go_both_ways_whole():
    link, pipe, _, notes, flow = opened()
    assert flow.send(b"question")
    assert flow.send(b"")
    link.data_received(memoryview(encode(Kind.DATAGRAM, 1, b"answer")))
    assert notes.heard == [b"answer"]
    assert pipe.frames == [
        (Kind.OPEN, 1, b"udp:10.0.0.1:53"),
        (Kind.DATAGRAM, 1, b"question"),
        (Kind.DATAGRAM, 1, b""),
    ]


async def test_why_a_flow_ended_is_told_once():
    link, _, _, notes, flow = opened()
    link.data_received(memoryview(encode_number(Kind.RESET, 1, 111)))
    flow.reset(111)
    assert notes.heard == [111]
    assert not flow.send(b"x")


async def test_our_own_close_tells_the_peer_and_nobody_else():
    link, pipe, _, notes, flow = opened()
    flow.close()
    flow.close()
    link.data_received(memoryview(encode(Kind.DATAGRAM, 1, b"late")))
    assert [kind for kind, _, _ in pipe.frames] == [Kind.OPEN, Kind.RESET]
    assert notes.heard == []
    assert link.streams == 0


@pytest.mark.parametrize(
    "frame", [encode(Kind.DATA, 1, b"x"), encode(Kind.EOF, 1), encode_number(Kind.WINDOW, 1, 1)]
)
async def test_stream_frames_on_a_flow_break_the_protocol(frame):
    link, _, heard, _, _ = opened()
    link.data_received(memoryview(frame))
    assert "on flow 1" in heard.closings[0]
