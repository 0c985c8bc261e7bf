"""What a body says: its coding undone, its text and its JSON found."""

import json
import zlib
from typing import Any

from .exchange import Body, Headers, header

CODINGS = {
    "gzip": (31,),
    "x-gzip": (31,),
    "deflate": (15, -15),  # RFC 9110 §8.4.1.2: zlib; some send it bare
}
LONGEST = 64 * 1024 * 1024
"""Bytes that a body may have when its coding is undone: a bomb is none of our business."""


def plain(headers: Headers, body: Body) -> bytes | None:
    """The body without its content coding, as far as it is known.

    None where the coding is one that we can't undo (``br``, ``zstd``), or where it is broken.
    """
    data = body.data
    codings = [each.strip().lower() for each in header(headers, "content-encoding").split(",")]
    for coding in reversed([each for each in codings if each not in ("", "identity")]):
        undone = unpacked(coding, data)
        if undone is None:
            return None
        data = undone
    return data


def unpacked(coding: str, data: bytes) -> bytes | None:
    """Without that one coding (``gzip``, ``deflate``); None as for `plain`."""
    for bits in CODINGS.get(coding, ()):
        try:
            return zlib.decompressobj(bits).decompress(data, LONGEST)
        except zlib.error:
            continue
    return None


def media_type(headers: Headers) -> str:
    """``application/json``; "" where it is not told."""
    return header(headers, "content-type").partition(";")[0].strip().lower()


def is_json(headers: Headers) -> bool:
    """Whether it is told to be JSON, of whatever kind (RFC 6839 §3.1)."""
    kind = media_type(headers)
    return kind.endswith(("/json", "+json"))


def text_of(headers: Headers, data: bytes) -> str | None:
    """It as text; None for what is none."""
    for charset in (_charset(headers), "utf-8"):
        try:
            text = data.decode(charset)
        except (LookupError, ValueError):
            continue
        return None if "\0" in text else text
    return None


def json_of(data: bytes) -> tuple[Any] | None:
    """The value in a tuple; None for what is no JSON."""
    try:
        return (json.loads(data),)
    except (ValueError, RecursionError):
        return None


def _charset(headers: Headers) -> str:
    for each in header(headers, "content-type").split(";")[1:]:
        key, _, value = each.partition("=")
        if key.strip().lower() == "charset":
            return value.strip().strip("\"'")
    return "utf-8"
