"""IP packets as a TUN gives and takes them: UDP, ICMP echo, and polite refusals. Pure.

IPv4 is RFC 791, IPv6 RFC 8200, UDP RFC 768, ICMP RFC 792 and RFC 4443. Addresses are raw bytes:
4 for IPv4, 16 for IPv6. What we send back always has the two ends of a packet turned round.
"""

import struct
from dataclasses import dataclass

ICMP, TCP, UDP, ICMP6 = 1, 6, 17, 58
FRAGMENT = 44
OPTIONS = (0, 43, 60)  # IPv6 extension headers that may stand before the payload
HOPS = 64
ECHO_REQUEST = {ICMP: 8, ICMP6: 128}
ECHO_REPLY = {ICMP: 0, ICMP6: 129}
FIN, SYN, RST, ACK = 1, 2, 4, 16

# Why something can't be reached: (type, code) for IPv4 and IPv6
PORT_CLOSED = ((3, 3), (1, 4))
NO_ROUTE = ((3, 1), (1, 3))
PROHIBITED = ((3, 13), (1, 1))
Reason = tuple[tuple[int, int], tuple[int, int]]

QUOTE = {4: 548, 16: 1232}  # how much of a refused packet is sent back: the smallest MTU holds it


@dataclass(frozen=True, slots=True)
class Packet:
    """One whole IP packet; ``payload`` begins behind all IP headers, ``raw`` is all of it."""

    source: bytes
    destination: bytes
    protocol: int
    payload: bytes
    raw: bytes

    @property
    def is_to_many(self) -> bool:
        """Whether it goes to a multicast or broadcast address: nobody answers for those."""
        first = self.destination[0]
        return first >= 0xE0 if len(self.destination) == 4 else first == 0xFF


def parse(raw: bytes) -> Packet | None:
    """Take a packet apart; None for what is broken, and for fragments.

    The TUN's MTU is the largest there is, so the kernel has no reason to send us fragments.
    """
    try:
        return _parse_v4(raw) if raw[0] >> 4 == 4 else _parse_v6(raw)
    except (IndexError, struct.error):
        return None


def _parse_v4(raw: bytes) -> Packet | None:
    head = (raw[0] & 15) * 4
    length, _, fragment = struct.unpack_from("!HHH", raw, 2)
    if fragment & 0x3FFF or head < 20 or not head <= length <= len(raw):
        return None
    return Packet(raw[12:16], raw[16:20], raw[9], raw[head:length], raw)


def _parse_v6(raw: bytes) -> Packet | None:
    length, following = struct.unpack_from("!HB", raw, 4)
    end, at = 40 + length, 40
    while following in OPTIONS:
        following, at = raw[at], at + 8 + raw[at + 1] * 8
    if raw[0] >> 4 != 6 or following == FRAGMENT or not at <= end <= len(raw):
        return None
    return Packet(raw[8:24], raw[24:40], following, raw[at:end], raw)


def ports(packet: Packet) -> tuple[int, int] | None:
    """Source and destination port of a TCP or UDP packet; None if it is too short."""
    if len(packet.payload) < 8:
        return None
    source, destination = struct.unpack_from("!HH", packet.payload)
    return source, destination


def udp_payload(packet: Packet) -> bytes:
    """What a UDP packet carries."""
    (length,) = struct.unpack_from("!H", packet.payload, 4)
    return packet.payload[8:length]


def udp_reply(packet: Packet, payload: bytes) -> bytes:
    """A datagram back to where ``packet`` came from. Raises: ValueError if it is too long."""
    found = ports(packet)
    if found is None or len(payload) > 0xFFFF - 28:
        raise ValueError("no datagram fits")
    source, destination = found
    head = struct.pack("!HHHH", destination, source, 8 + len(payload), 0)
    return _back(packet, UDP, head + payload, 6)


def echo(packet: Packet) -> tuple[int, int, bytes] | None:
    """Identifier, sequence number and data of an echo request; None for all else."""
    payload = packet.payload
    if len(payload) < 8 or payload[0] != ECHO_REQUEST.get(packet.protocol) or payload[1]:
        return None
    identifier, sequence = struct.unpack_from("!HH", payload, 4)
    return identifier, sequence, payload[8:]


def echo_reply(packet: Packet, identifier: int, sequence: int, data: bytes) -> bytes:
    """The answer to an echo request."""
    kind = ECHO_REPLY[packet.protocol]
    head = struct.pack("!BBHHH", kind, 0, 0, identifier, sequence)
    return _back(packet, packet.protocol, head + data, 2)


def refusal(packet: Packet, reason: Reason) -> bytes:
    """An ICMP error about ``packet``, from the address it was sent to."""
    is_v4 = len(packet.source) == 4
    kind, code = reason[0] if is_v4 else reason[1]
    quote = packet.raw[: QUOTE[len(packet.source)]]
    message = struct.pack("!BBHI", kind, code, 0, 0) + quote
    return _back(packet, ICMP if is_v4 else ICMP6, message, 2)


def reset(packet: Packet) -> bytes | None:
    """The answer of a host to a TCP packet that belongs to no connection (RFC 9293, 3.5.2)."""
    if len(packet.payload) < 20:
        return None
    source, destination, sequence, acknowledged, offset, flags = struct.unpack_from(
        "!HHIIBB", packet.payload
    )
    if flags & RST:
        return None
    if flags & ACK:
        ours = (acknowledged, 0, RST)
    else:
        length = len(packet.payload) - (offset >> 4) * 4 + bool(flags & SYN) + bool(flags & FIN)
        ours = (0, (sequence + length) & 0xFFFFFFFF, RST | ACK)
    head = struct.pack("!HHIIBBHHH", destination, source, ours[0], ours[1], 0x50, ours[2], 0, 0, 0)
    return _back(packet, TCP, head, 16)


def checksum(data: bytes) -> int:
    """The internet checksum (RFC 1071), as 0xffff where it would be 0.

    A ones' complement sum of 16-bit words is the number modulo 0xffff, which one big integer
    gives faster than a loop.
    """
    padded = data + b"\0" if len(data) % 2 else data
    return 0xFFFF - int.from_bytes(padded, "big") % 0xFFFF


def _back(packet: Packet, protocol: int, payload: bytes, checksum_at: int) -> bytes:
    """A packet from the destination of ``packet`` to its source, its checksums filled in."""
    source, destination = packet.destination, packet.source
    covered = payload
    if protocol != ICMP:  # RFC 8200, 8.1, and for IPv4 RFC 768: the same words in another order
        pseudo = source + destination + struct.pack("!II", len(payload), protocol)
        covered = pseudo + payload
    total = struct.pack("!H", checksum(covered))
    whole = payload[:checksum_at] + total + payload[checksum_at + 2 :]
    if len(source) == 16:
        head = struct.pack("!IHBB", 6 << 28, len(whole), protocol, HOPS)
        return head + source + destination + whole
    start = struct.pack("!BBHHHBB", 0x45, 0, 20 + len(whole), 0, 0x4000, HOPS, protocol)
    sum_ = checksum(start + source + destination)
    return start + struct.pack("!H", sum_) + source + destination + whole
