"""Domain names: on the wire (RFC 1035 §3.1, §4.1.4) and as text (§5.1).

Wire form here is always uncompressed and ends in the root label. Text is lower-case, without the
final dot (the root is ``.``); bytes that no host name has are written ``\\DDD``, so text and wire
form can be turned into each other without loss, except for letter case.
"""

import re

ROOT = b"\0"
MAX_NAME = 255
MAX_LABEL = 63
_POINTER = 0xC0
_PLAIN = re.compile(rb"[A-Za-z0-9_-]+")
_ESCAPE = re.compile(rb"\\(\d{3})")


class FormatError(ValueError):
    """These bytes are no DNS message, or this text is no domain name."""


def read_name(message: bytes, offset: int) -> tuple[bytes, int]:
    """The name at ``offset`` in wire form, and the offset behind it. Raises: FormatError."""
    name = bytearray()
    start, behind = offset, 0
    while (length := _byte(message, offset)) != 0:
        if length < _POINTER:
            offset = _take_label(message, offset, length, name)
            continue
        target = (length & ~_POINTER) << 8 | _byte(message, offset + 1)
        if target >= start:  # only ever backwards: so it ends
            raise FormatError("compression pointer does not point backwards")
        behind = behind or offset + 2
        offset = start = target
    return bytes(name) + ROOT, behind or offset + 1


def _byte(message: bytes, offset: int) -> int:
    if offset >= len(message):
        raise FormatError("name runs past the end")
    return message[offset]


def _take_label(message: bytes, offset: int, length: int, name: bytearray) -> int:
    end = offset + 1 + length
    if length > MAX_LABEL or end > len(message) or len(name) + length + 2 > MAX_NAME:
        raise FormatError("bad label")
    name += message[offset:end]
    return end


def to_text(wire: bytes) -> str:
    """A name in wire form as lower-case text."""
    labels, offset = [], 0
    while length := wire[offset]:
        labels.append(_label_text(wire[offset + 1 : offset + 1 + length]))
        offset += length + 1
    return ".".join(labels) or "."


def _label_text(label: bytes) -> str:
    if _PLAIN.fullmatch(label):
        return label.decode("ascii").lower()
    shown = (chr(b).lower() if _PLAIN.fullmatch(bytes([b])) else f"\\{b:03d}" for b in label)
    return "".join(shown)


def to_wire(text: str) -> bytes:
    """Text, with or without the final dot, in wire form. Raises: FormatError."""
    if text in ("", "."):
        return ROOT
    try:
        labels = [_label_wire(part) for part in text.removesuffix(".").encode("ascii").split(b".")]
    except ValueError as error:
        raise FormatError(f"not a domain name: {text!r}") from error
    wire = b"".join(labels) + ROOT
    if len(wire) > MAX_NAME:
        raise FormatError(f"name too long: {text!r}")
    return wire


def _label_wire(part: bytes) -> bytes:
    label = _ESCAPE.sub(lambda found: bytes([int(found[1])]), part)
    if not 0 < len(label) <= MAX_LABEL:
        raise FormatError("a label has 1 to 63 bytes")
    return bytes([len(label)]) + label
