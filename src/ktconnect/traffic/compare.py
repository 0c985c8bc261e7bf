"""How two answers to the same request differ, in what a caller would notice."""

import hashlib
import json
from collections.abc import Iterator, Sized
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ktconnect.names import SERVED_BY

from .bodies import is_json, json_of, plain, text_of
from .cutting import cut, window
from .exchange import Answer, Body, Headers, header
from .grpc import CODING, STATUS, code_of, is_grpc, messages, settled
from .grpc import shown as shown_message
from .secrets import told
from .tree import ABSENT, differences

NOISE = frozenset(
    {
        *("date", "server", "age", "via", "x-request-id", SERVED_BY),
        *("connection", "keep-alive", "transfer-encoding", "content-length", "traceparent"),
        *("trailer", STATUS, *CODING),  # how a call of gRPC went is compared as its status
    }
)
"""Headers that tell two answers apart, and never two programs."""

NOISY_PREFIXES = ("x-envoy-", "x-b3-")
MOST = 50
"""Differences of one body that are listed: beyond, another number tells nobody more."""

LONGEST = 200
"""Characters of a value that are shown: those around the first difference."""


@dataclass(frozen=True, slots=True)
class Difference:
    """``what``: ``status``, ``header``, ``body`` or ``trailer``; ``where``: the header's name, the
    path in JSON, the line of a text, the message of gRPC, or "". ``origin`` and ``laptop``: what
    each has, for a person."""

    what: str
    where: str
    origin: str
    laptop: str


def compare(
    origin: Answer, laptop: Answer, ignored: frozenset[str] = frozenset()
) -> tuple[Difference, ...]:
    """Where they differ. ``ignored``: names of headers, lower-case, besides NOISE.

    Sizes are of the bodies, so Content-Length is not compared by itself.
    """
    found: list[Difference] = []
    if (origin.status, code_of(origin)) != (laptop.status, code_of(laptop)):
        found.append(Difference("status", "", status_of(origin), status_of(laptop)))
    one, two = settled(origin), settled(laptop)
    found += _headers("header", one[0], two[0], ignored)
    found += islice(_bodies(origin, laptop), MOST)
    found += _headers("trailer", one[1], two[1], ignored)
    return tuple(found)


def status_of(answer: Answer) -> str:
    """``404 Not Found``; of gRPC ``200, gRPC 5 NOT_FOUND``."""
    code = code_of(answer)
    return f"{answer.status} {answer.reason}".rstrip() + (f", gRPC {code}" if code else "")


def _headers(
    what: str, left: Headers, right: Headers, ignored: frozenset[str]
) -> Iterator[Difference]:
    """Of ``what``: ``header`` or ``trailer``."""
    for name in sorted({key.lower() for key, _ in (*left, *right)} - NOISE - ignored):
        if name.startswith(NOISY_PREFIXES) or told(left, name) == told(right, name):
            continue
        if name == "content-encoding":  # a proxy's choice: the bodies tell
            continue
        yield Difference(what, name, *_around(_value(left, name), _value(right, name)))


def _value(headers: Headers, name: str) -> str:
    there = any(key.lower() == name for key, _ in headers)
    return written(told(headers, name) if there else ABSENT)


def _bodies(left: Answer, right: Answer) -> Iterator[Difference]:
    one, two = left.body, right.body
    if one.digest and one.digest == two.digest:
        return
    plain_one, plain_two = plain(left.headers, one), plain(right.headers, two)
    if plain_one is None or plain_two is None:
        yield Difference("body", "", measure(one), measure(two))
        return
    if one.is_cut or two.is_cut:
        coded = (header(each.headers, "content-encoding") for each in (left, right))
        sizes_differ = len({*coded}) == 1 and _sizes_differ(one, two)
        if sizes_differ or not _begin_alike(plain_one, plain_two):
            yield Difference("body", "", measure(one), measure(two))
    elif plain_one != plain_two:
        yield from _contents(left.headers, right.headers, plain_one, plain_two)


def _contents(left: Headers, right: Headers, one: bytes, two: bytes) -> Iterator[Difference]:
    if is_grpc(left) and is_grpc(right):
        told = messages(left, one), messages(right, two)
        if told[0] is not None and told[1] is not None:
            yield from _messages(told[0], told[1])
            return
    trees = json_of(one), json_of(two)
    if (is_json(left) or is_json(right)) and trees[0] is not None and trees[1] is not None:
        with suppress(RecursionError):  # nested deeper than can be walked: by lines, then
            yield from _leaves(trees[0][0], trees[1][0])
            return
    texts = text_of(left, one), text_of(right, two)
    if texts[0] is not None and texts[1] is not None:
        yield from _lines(texts[0].splitlines(), texts[1].splitlines())
        return
    yield Difference("body", "", measure(Body.whole(one)), measure(Body.whole(two)))


def _leaves(left: Any, right: Any) -> list[Difference]:
    """Raises: RecursionError."""
    return [
        Difference("body", leaf.path, *_around(written(leaf.left), written(leaf.right)))
        for leaf in islice(differences(left, right), MOST)
    ]


def _lines(left: list[str], right: list[str]) -> Iterator[Difference]:
    """By their place, up to the first line that is missing. Line ends make no difference."""
    for number, (one, two) in enumerate(zip(left, right, strict=False), 1):
        if one != two:
            yield Difference("body", f"line {number}", *_around(one, two))
    if len(left) != len(right):
        yield Difference("body", "", _number(left, "line"), _number(right, "line"))


def _messages(left: list[bytes], right: list[bytes]) -> Iterator[Difference]:
    """By their place, up to the first that is missing."""
    for number, (one, two) in enumerate(zip(left, right, strict=False), 1):
        if one != two:
            part = window(one, two, LONGEST)
            found = (shown_message(each, part) for each in (one, two))
            yield Difference("body", f"message {number}", *found)
    if len(left) != len(right):
        yield Difference("body", "", _number(left, "message"), _number(right, "message"))


def _number(found: Sized, what: str) -> str:
    return f"{len(found):,} {what}{'' if len(found) == 1 else 's'}"


def _begin_alike(one: bytes, two: bytes) -> bool:
    """As far as both are known; that the rest is equal is not known."""
    length = min(len(one), len(two))
    return one[:length] == two[:length]


def _sizes_differ(one: Body, two: Body) -> bool:
    """Where only the beginning was seen of one, its size is a lower bound."""
    if one.digest and two.digest:
        return one.digest != two.digest
    known, cut = (one, two) if one.digest else (two, one)
    return bool(known.digest) and known.size < cut.size


def measure(body: Body) -> str:
    """``1,204 bytes, sha256 3f786850e387…``."""
    if not body.digest and not body.is_cut:
        body = Body(body.data, body.size, hashlib.sha256(body.data).hexdigest())
    digest = f", sha256 {body.digest[:12]}…" if body.digest else " at least"
    return f"{body.size:,} bytes{digest}"


def written(value: Any) -> str:
    """A value as it is written down: strings as they are, the rest as JSON."""
    if isinstance(value, str):
        return value
    return "absent" if value is ABSENT else json.dumps(value, ensure_ascii=False)


def _around(left: str, right: str) -> tuple[str, str]:
    """Both, cut around the first difference where they are long."""
    one, two = (  # JSON may have halves of letters
        each.encode("utf-8", "backslashreplace").decode() for each in (left, right)
    )
    part = window(one, two, LONGEST)
    return cut(one, part), cut(two, part)
