"""DNS messages as far as a forwarder must understand them (RFC 1035 §4, EDNS: RFC 6891).

A forwarder passes bytes on; it reads the question, and only where a short name was asked under its
full one is the message taken apart and put together again. Nothing here raises anything but
FormatError for whatever bytes come in.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from .name import ROOT, FormatError, read_name, to_text

A, NS, CNAME, SOA, PTR, MX, AAAA, SRV, OPT = 1, 2, 5, 6, 12, 15, 28, 33, 41
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = range(6)

HEADER = 12
PLAIN_UDP_SIZE = 512
OUR_UDP_SIZE = 1232  # what passes everywhere without fragments
_QR, _OPCODE, _TC, _RD, _RA = 0x8000, 0x7800, 0x0200, 0x0100, 0x0080
_FIXED = struct.Struct("!HHIH")
_TTL = struct.Struct("!I")
_TO_QUESTION = b"\xc0\x0c"
_OUR_OPT = ROOT + struct.pack("!HHIH", OPT, OUR_UDP_SIZE, 0, 0)
# rdata with names that a server may compress: bytes before the names, number of names
# (RFC 1035 §3.3; RFC 3597 §4 adds RP, AFSDB, RT, PX, SRV, KX and DNAME for receivers)
_NAMES_IN_RDATA = {
    NS: (0, 1), 3: (0, 1), 4: (0, 1), CNAME: (0, 1), SOA: (0, 2), 7: (0, 1), 8: (0, 1), 9: (0, 1),
    PTR: (0, 1), 14: (0, 2), MX: (2, 1), 17: (0, 2), 18: (2, 1), 21: (2, 1), 26: (2, 2),
    SRV: (6, 1), 36: (2, 1), 39: (0, 1),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Question:
    """What a message asks. ``end``: offset behind the question; ``udp_size``: what the asker takes.

    ``edns``: the asker speaks EDNS, so an answer made here carries an OPT record too.
    """

    name: str
    qtype: int
    qclass: int
    end: int
    udp_size: int
    edns: bool


class Record(NamedTuple):
    """Where one resource record lies in its message."""

    owner: bytes
    rtype: int
    rclass: int
    ttl: int
    ttl_offset: int
    rdata: int
    end: int


def parse_question(message: bytes) -> Question:
    """The one question of a query or a response. Raises: FormatError."""
    if len(message) < HEADER or message[4:6] != b"\0\1":
        raise FormatError("not one question")
    wire, offset = read_name(message, HEADER)
    if offset + 4 > len(message):
        raise FormatError("question runs past the end")
    qtype, qclass = struct.unpack_from("!HH", message, offset)
    end = offset + 4
    edns = _edns_size(message, end)
    size = max(edns or 0, PLAIN_UDP_SIZE)
    return Question(to_text(wire), qtype, qclass, end, size, edns is not None)


def _edns_size(message: bytes, end: int) -> int | None:
    if message[6:HEADER] == bytes(6):
        return None
    found = (record.rclass for record in records(message, end) if record.rtype == OPT)
    return next(found, None)


def records(message: bytes, offset: int) -> list[Record]:
    """All records behind the question, which ends at ``offset``. Raises: FormatError."""
    if len(message) < HEADER:
        raise FormatError("no header")
    found = []
    for _ in range(sum(struct.unpack_from("!3H", message, 6))):
        owner, at = read_name(message, offset)
        if at + _FIXED.size > len(message):
            raise FormatError("record runs past the end")
        rtype, rclass, ttl, length = _FIXED.unpack_from(message, at)
        rdata = at + _FIXED.size
        offset = rdata + length
        if offset > len(message):
            raise FormatError("record data runs past the end")
        found.append(Record(owner, rtype, rclass, ttl, at + 4, rdata, offset))
    return found


def is_query(message: bytes) -> bool:
    """It has a header, and asks."""
    return len(message) >= HEADER and not message[2] & 0x80


def opcode(message: bytes) -> int:
    return message[2] >> 3 & 0xF


def rcode(message: bytes) -> int:
    return message[3] & 0xF


def answer_count(message: bytes) -> int:
    return int.from_bytes(message[6:8], "big")


def is_truncated(message: bytes) -> bool:
    return bool(message[2] & _TC >> 8)


def with_id(message: bytes, number: int) -> bytes:
    return number.to_bytes(2, "big") + message[2:]


def is_answer_to(query: bytes, response: bytes) -> bool:
    """Same ID, and the same question, letter case apart (or none at all, as in some errors)."""
    if len(response) < HEADER or response[:2] != query[:2] or not response[2] & 0x80:
        return False
    if response[4:6] == b"\0\0":
        return rcode(response) not in (NOERROR, NXDOMAIN)
    try:
        end = read_name(query, HEADER)[1] + 4
    except FormatError:
        return False
    return response[HEADER:end].lower() == query[HEADER:end].lower()


def as_asked(query: bytes, question: Question, response: bytes) -> bytes:
    """The same response under the ID, and in the letter case, of this query."""
    if response[4:6] == b"\0\0":
        return query[:2] + response[2:]
    return query[:2] + response[2:HEADER] + query[HEADER : question.end] + response[question.end :]


def answer(
    query: bytes,
    question: Question | None,
    code: int = NOERROR,
    addresses: Iterable[IPv4Address | IPv6Address] = (),
    ttl: int = 5,
) -> bytes:
    """A response made here: ``code``, and the addresses as records of the name asked for.

    ``question`` None: the query could not be read that far (FORMERR, NOTIMP).
    """
    asked = query[HEADER : question.end] if question else b""
    rows = [_address_record(address, ttl) for address in addresses]
    extra = _OUR_OPT if question and question.edns else b""
    flags = int.from_bytes(query[2:4], "big") & (_OPCODE | _RD) | _QR | _RA | code
    counts = (1 if question else 0, len(rows), 0, 1 if extra else 0)
    return query[:2] + struct.pack("!5H", flags, *counts) + asked + b"".join(rows) + extra


def _address_record(address: IPv4Address | IPv6Address, ttl: int) -> bytes:
    rtype = A if address.version == 4 else AAAA
    data = address.packed
    return _TO_QUESTION + _FIXED.pack(rtype, 1, ttl, len(data)) + data


def truncated(response: bytes, size: int) -> bytes:
    """The response itself if it fits into ``size`` bytes, else header, question, OPT with TC set.

    Whoever asked comes again by TCP, so no part of the answer is worth sending (RFC 2181 §9).
    Raises: FormatError.
    """
    if len(response) <= size:
        return response
    end = parse_question(response).end
    opt = b"".join(
        response[record.ttl_offset - 5 : record.end]
        for record in records(response, end)
        if record.rtype == OPT
    )
    flags = int.from_bytes(response[2:4], "big") | _TC
    head = response[:2] + struct.pack("!5H", flags, 1, 0, 0, 1 if opt else 0)
    return head + response[HEADER:end] + opt


def with_brief_no(response: bytes, end: int, seconds: int) -> bytes:
    """The response, its "no" good for ``seconds`` at most; ``end``: offset behind the question.

    How long a "no" may be kept is the lesser of the SOA's TTL and its last field (RFC 2308 §5).
    Raises: FormatError.
    """
    if answer_count(response) or rcode(response) not in (NOERROR, NXDOMAIN):
        return response
    brief = bytearray(response)
    for record in records(response, end):
        if record.rtype == SOA:
            _TTL.pack_into(brief, record.ttl_offset, min(record.ttl, seconds))
    return bytes(brief)


def renamed(message: bytes, name: bytes) -> bytes:
    """The message with another name in its question, and as owner wherever that one was.

    Every other name is written out in full, as pointers into the old message mean nothing in the
    new one. Raises: FormatError, also for rdata that its type does not allow.
    """
    end = parse_question(message).end
    old = read_name(message, HEADER)[0].lower()
    rest = rewritten(message, records(message, end), old)
    return message[:HEADER] + name + message[end - 4 : end] + rest


def rewritten(message: bytes, kept: Iterable[Record], question: bytes = b"") -> bytes:
    """These of its records, with every name in full but ``question``, which is pointed to.

    So they may stand at another place than they did. Raises: FormatError as `renamed`.
    """
    parts: list[bytes] = []
    for record in kept:
        owner = _TO_QUESTION if record.owner.lower() == question else record.owner
        rdata = _rdata(message, record)
        parts += (owner, _FIXED.pack(record.rtype, record.rclass, record.ttl, len(rdata)), rdata)
    return b"".join(parts)


def _rdata(message: bytes, record: Record) -> bytes:
    if record.rtype not in _NAMES_IN_RDATA or record.rdata == record.end:
        return message[record.rdata : record.end]
    before, names = _NAMES_IN_RDATA[record.rtype]
    at = record.rdata + before
    parts = [message[record.rdata : at]]
    for _ in range(names):
        name, at = read_name(message, at)
        parts.append(name)
    if at > record.end:
        raise FormatError("name runs past its record")
    return b"".join([*parts, message[at : record.end]])
