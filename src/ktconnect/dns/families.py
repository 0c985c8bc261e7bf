"""Addresses of a family that isn't led to the cluster, taken out of what a DNS server says. Pure.

A program that was given one of them would first wait until the way to it has failed.
"""

import struct

from .message import AAAA, HEADER, A, Record, parse_question, records, rewritten
from .name import FormatError, to_text

_ANY = 255  # RFC 1035 §3.2.3
_OTHER = {4: AAAA, 6: A}


def of_family(response: bytes, version: int, domain: str) -> bytes:
    """The response without the addresses of names in ``domain`` that are not of IP ``version``.

    version: 4, 6, or 0 for both. If nothing is left it is NODATA (RFC 2308 §2.2): the name exists.
    Names of others stay whole, as those of the internet that an ExternalName leads to. What is no
    DNS message is returned as it is, for others to judge.
    """
    unwanted = _OTHER.get(version)
    if unwanted is None:
        return response
    try:
        asked = parse_question(response)
        if asked.qtype not in (unwanted, _ANY):
            return response
        found = records(response, asked.end)
        kept = [one for one in found if one.rtype != unwanted or not _is_in(one.owner, domain)]
        return response if len(kept) == len(found) else _with(response, asked.end, found, kept)
    except FormatError:
        return response


def _is_in(owner: bytes, domain: str) -> bool:
    return f".{to_text(owner)}".endswith(f".{domain}")


def _with(response: bytes, end: int, found: list[Record], kept: list[Record]) -> bytes:
    """Only these of its records, and in each section's count as many as are left there."""
    counts, at = [], 0
    for count in struct.unpack_from("!3H", response, 6):
        counts.append(sum(one in kept for one in found[at : at + count]))
        at += count
    head = response[:6] + struct.pack("!3H", *counts) + response[HEADER:end]
    return head + rewritten(response, kept)
