"""Answers kept for as long as they say (RFC 1035 §7.4, negative ones: RFC 2308 §5)."""

import struct
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from .message import NOERROR, NXDOMAIN, OPT, SOA, Record, is_truncated, rcode, records
from .name import FormatError

_TTL = struct.Struct("!I")
NEGATIVE_SECONDS = 5  # so that a Service that was just created is found soon


@dataclass(frozen=True, slots=True)
class _Entry:
    response: bytes
    ttls: tuple[tuple[int, int], ...]  # offset and seconds of each record
    stored: float
    until: float


class Cache:
    """``ttl``: seconds that an answer is kept at most, 0 keeps none. ``now``: a clock."""

    def __init__(self, ttl: float, now: Callable[[], float], size: int = 4096) -> None:
        self._ttl = ttl
        self._now = now
        self._size = size
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()

    def get(self, key: Hashable) -> bytes | None:
        """The response kept, its TTLs lowered by its age; None if there is none."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        now = self._now()
        if now >= entry.until:
            del self._entries[key]
            return None
        return _aged(entry, int(now - entry.stored))

    def put(self, key: Hashable, response: bytes, question_end: int) -> None:
        """Keep a response if it may be kept; ``question_end``: offset of its first record."""
        try:
            found = records(response, question_end)
        except FormatError:
            return
        seconds = min(self._ttl, lifetime(response, found))
        if seconds <= 0:
            return
        ttls = tuple((one.ttl_offset, one.ttl) for one in found if one.rtype != OPT)
        now = self._now()
        self._entries[key] = _Entry(response, ttls, now, now + seconds)
        if len(self._entries) > self._size:
            self._entries.popitem(last=False)


def _aged(entry: _Entry, age: int) -> bytes:
    if age == 0:
        return entry.response
    aged = bytearray(entry.response)
    for offset, ttl in entry.ttls:
        _TTL.pack_into(aged, offset, max(ttl - age, 0))
    return bytes(aged)


def lifetime(response: bytes, found: list[Record]) -> float:
    """Seconds that a response may be kept; 0 for failures and for truncated ones."""
    if is_truncated(response) or rcode(response) not in (NOERROR, NXDOMAIN):
        return 0
    count = int.from_bytes(response[6:8], "big")
    if count and rcode(response) == NOERROR:
        return min(one.ttl for one in found[:count])
    # the last four bytes of a SOA are how long a "no" holds
    soas = (one for one in found if one.rtype == SOA and one.end - one.rdata >= 4)
    said = (min(one.ttl, _TTL.unpack_from(response, one.end - 4)[0]) for one in soas)
    return min(NEGATIVE_SECONDS, min(said, default=0))
