import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktconnect.host import packets
from ktconnect.host.packets import Packet

V4 = (socket.inet_aton("198.18.0.1"), socket.inet_aton("10.96.0.10"))
V6 = (
    socket.inet_pton(socket.AF_INET6, "fd6b::1"),
    socket.inet_pton(socket.AF_INET6, "fd00:96::a"),
)
BOTH = pytest.mark.parametrize("ends", [V4, V6], ids=["IPv4", "IPv6"])


def ip(ends, protocol, payload, options=b""):
    """An IP packet, as the kernel would give it to us (its checksums don't matter here)."""
    source, destination = ends
    if len(source) == 4:
        length = 20 + len(options) + len(payload)
        head = 0x45 + len(options) // 4
        start = struct.pack("!BBHHHBBH", head, 0, length, 0, 0, 64, protocol, 0)
        return start + source + destination + options + payload
    length = len(options) + len(payload)
    return (
        struct.pack("!IHBB", 6 << 28, length, protocol, 64)
        + source
        + destination
        + options
        + payload
    )


def udp(ends, payload, ports=(4711, 53)):
    return ip(ends, packets.UDP, struct.pack("!HHHH", *ports, 8 + len(payload), 0) + payload)


def echo(ends, data, kind=None, number=3):
    protocol = packets.ICMP if ends is V4 else packets.ICMP6
    kind = packets.ECHO_REQUEST[protocol] if kind is None else kind
    return ip(ends, protocol, struct.pack("!BBHHH", kind, 0, 0, 7, number) + data)


def tcp(ends, sequence, acknowledged, flags, payload=b""):
    head = struct.pack("!HHIIBBHHH", 4711, 443, sequence, acknowledged, 0x50, flags, 0, 0, 0)
    return ip(ends, packets.TCP, head + payload)


def parsed(raw):
    packet = packets.parse(raw)
    assert packet is not None
    return packet


def ones_complement_sum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total >> 16) + (total & 0xFFFF)
    return total


def assert_valid(raw, protocol):
    """Turned round, whole, and with checksums that a host would take."""
    packet = parsed(raw)
    assert packet.protocol == protocol
    if len(packet.source) == 4:
        assert ones_complement_sum(raw[:20]) == 0xFFFF
    body = packet.payload + b"\0" * (len(packet.payload) % 2)
    if protocol != packets.ICMP:
        head = struct.pack("!II", len(packet.payload), protocol)
        body = packet.source + packet.destination + head + body
    assert ones_complement_sum(body) == 0xFFFF
    return packet


@BOTH
def test_a_datagram_is_taken_apart_and_answered(ends):
    packet = parsed(udp(ends, b"query"))
    assert (packet.source, packet.destination) == ends
    assert packets.ports(packet) == (4711, 53)
    assert packets.udp_payload(packet) == b"query"
    answer = assert_valid(packets.udp_reply(packet, b"answer"), packets.UDP)
    assert (answer.destination, answer.source) == ends
    assert packets.ports(answer) == (53, 4711)
    assert packets.udp_payload(answer) == b"answer"


@given(st.binary(max_size=2000))
def test_every_payload_has_a_checksum_that_holds(payload):
    for ends in (V4, V6):
        assert_valid(packets.udp_reply(parsed(udp(ends, b"")), payload), packets.UDP)


def test_an_answer_longer_than_ip_can_carry_is_refused():
    packet = parsed(udp(V4, b""))
    assert len(packets.udp_reply(packet, bytes(65507))) == 65535
    with pytest.raises(ValueError, match="fits"):
        packets.udp_reply(packet, bytes(65508))


@BOTH
def test_an_echo_is_answered_with_its_number_and_data(ends):
    packet = parsed(echo(ends, b"data"))
    assert packets.echo(packet) == (7, 3, b"data")
    protocol = packet.protocol
    answer = assert_valid(packets.echo_reply(packet, 7, 3, b"data"), protocol)
    assert answer.payload[0] == packets.ECHO_REPLY[protocol]
    assert answer.payload[4:] == struct.pack("!HH", 7, 3) + b"data"


@BOTH
def test_other_icmp_is_no_echo_request(ends):
    assert packets.echo(parsed(echo(ends, b"", kind=3))) is None
    assert packets.echo(parsed(ip(ends, packets.ICMP, b"\x08\0"))) is None


@BOTH
def test_a_refusal_quotes_what_is_refused(ends):
    packet = parsed(udp(ends, bytes(3000)))
    protocol = packets.ICMP if ends is V4 else packets.ICMP6
    raw = packets.refusal(packet, packets.PORT_CLOSED)
    answer = assert_valid(raw, protocol)
    assert tuple(answer.payload[:2]) == ((3, 3) if ends is V4 else (1, 4))
    assert packet.raw.startswith(answer.payload[8:])
    assert len(raw) == (576 if ends is V4 else 1280)


@BOTH
@pytest.mark.parametrize(
    ("flags", "length", "expected"),
    [
        (packets.SYN, 0, (0, 101, packets.RST | packets.ACK)),
        (packets.SYN | packets.FIN, 5, (0, 107, packets.RST | packets.ACK)),
        (packets.ACK, 5, (200, 0, packets.RST)),
    ],
)
def test_a_stray_tcp_packet_is_reset_as_a_host_would(ends, flags, length, expected):
    answer = packets.reset(parsed(tcp(ends, 100, 200, flags, bytes(length))))
    assert answer is not None
    payload = assert_valid(answer, packets.TCP).payload
    source, destination, sequence, acknowledged, _, bits = struct.unpack_from("!HHIIBB", payload)
    assert (source, destination) == (443, 4711)
    assert (sequence, acknowledged, bits) == expected


def test_a_reset_is_not_answered_with_a_reset():
    assert packets.reset(parsed(tcp(V4, 1, 2, packets.RST | packets.ACK))) is None
    assert packets.reset(parsed(ip(V4, packets.TCP, b"short"))) is None


def test_options_before_the_payload_are_skipped():
    packet = parsed(ip(V4, packets.UDP, struct.pack("!HHHH", 1, 2, 8, 0), options=bytes(8)))
    assert packets.ports(packet) == (1, 2)
    hop_by_hop = bytes([packets.UDP, 0]) + bytes(6)
    raw = ip(V6, 0, struct.pack("!HHHH", 1, 2, 8, 0), options=hop_by_hop)
    assert packets.ports(parsed(raw)) == (1, 2)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x45",
        udp(V4, b"x")[:-1],
        udp(V6, b"x")[:-1],
        b"\x55" + udp(V4, b"x")[1:],
        b"\x41" + udp(V4, b"x")[1:],
        udp(V4, b"x")[:6] + b"\x20\x00" + udp(V4, b"x")[8:],
        ip(V6, packets.FRAGMENT, bytes(8)),
        ip(V6, 0, b""),
    ],
)
def test_broken_packets_and_fragments_are_dropped(raw):
    assert packets.parse(raw) is None


@given(st.binary(max_size=80))
def test_no_packet_can_do_harm(raw):
    packet = packets.parse(raw)
    if packet is not None:
        packets.ports(packet)
        packets.echo(packet)
        packets.reset(packet)
        packets.refusal(packet, packets.PROHIBITED)
        assert isinstance(packet.is_to_many, bool)


def test_a_packet_too_short_for_ports_has_none_and_no_answer():
    packet = parsed(ip(V4, packets.UDP, b"short"))
    assert packets.ports(packet) is None
    with pytest.raises(ValueError, match="fits"):
        packets.udp_reply(packet, b"")


@pytest.mark.parametrize(
    ("address", "many"),
    [("10.96.0.1", False), ("224.0.0.251", True), ("255.255.255.255", True), ("ff02::1", True)],
)
def test_who_is_many(address, many):
    raw = socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
    assert Packet(raw, raw, 17, b"", b"").is_to_many is many


def test_a_checksum_of_nothing_but_zeros_is_all_ones():
    assert packets.checksum(bytes(4)) == 0xFFFF
    assert packets.checksum(b"\xff\xff") == 0xFFFF
    assert packets.checksum(b"\x00\x01\xf2") == 0x0DFE
