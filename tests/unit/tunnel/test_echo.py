import socket
import struct

import pytest

from ktconnect.tunnel.datagram import ECHO
from ktconnect.tunnel.echo import Echo, Plain

HEAD = struct.Struct(">BBHHH")


def test_udp_is_as_it_is():
    assert Plain().outgoing(memoryview(b"x")) == b"x"
    assert Plain().incoming(b"y") == b"y"


@pytest.mark.parametrize(
    ("family", "request_type", "reply_type"), [(socket.AF_INET, 8, 0), (socket.AF_INET6, 128, 129)]
)
def test_a_reply_gets_the_identifier_and_number_of_its_request_back(
    family, request_type, reply_type
):
    echo = Echo(family)
    for identifier in (7, 8):  # two pings with the same numbers share the flow
        sent = echo.outgoing(memoryview(ECHO.pack(identifier, 1) + b"payload"))
        assert sent is not None
        kind, _, _, _, sequence = HEAD.unpack_from(bytes(sent))
        assert kind == request_type
        reply = HEAD.pack(reply_type, 0, 0xBEEF, 4242, sequence) + b"payload"
        assert echo.incoming(reply) == ECHO.pack(identifier, 1) + b"payload"
        assert echo.incoming(reply) is None


def test_what_is_no_echo_is_dropped():
    echo = Echo(socket.AF_INET)
    assert echo.outgoing(memoryview(b"abc")) is None
    assert echo.incoming(b"short") is None
    assert echo.incoming(HEAD.pack(3, 1, 0, 0, 1)) is None


def test_requests_without_reply_are_forgotten_in_the_end():
    echo = Echo(socket.AF_INET)
    for number in range(Echo.REMEMBERED + 1):
        echo.outgoing(memoryview(ECHO.pack(1, number & 0xFFFF)))
    assert echo.incoming(HEAD.pack(0, 0, 0, 0, 1)) is None
    assert echo.incoming(HEAD.pack(0, 0, 0, 0, 2)) == ECHO.pack(1, 1)
