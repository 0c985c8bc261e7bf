"""What ``--match`` says, from text to values and back.

One ``--match`` is conditions joined by commas, all of which must hold; several of them are
alternatives. A condition is a part of the request, its name where it has one, and what is wanted::

    header:x-user=ann        the header is exactly that (names of headers: upper or lower case)
    header:x-user^=an        it begins with that
    header:x-user~=an.*      it matches as a whole (RE2)
    cookie:user=ann          the same three for a cookie
    query:debug=1            … and for a parameter of the query
    path:/api                that path and what is below it: /api, /api/x, but not /apix
    path=/api/x              exactly that path
    path~=/v[0-9]+/.*        the path matches, without the query
    method=POST              the request's method
    grpc:shop.Cart/Add       one method of gRPC; without /Add: all of the service
    sni:shop.example.com     the server's name of a TLS connection; also *.example.com

``\\,`` is a comma that belongs to a value.
"""

import re
from typing import Final, cast, get_args

from ktconnect.errors import UsageError

from .model import Condition, How, Match, Part
from .re2 import LONGEST, check_regex

HELP: Final = (
    "header:x-user=ann, header:x-user^=an, header:x-user~=an.*, cookie:user=ann, query:debug=1, "
    "path:/api, path=/api/x, method=POST, grpc:shop.Cart/Add, sni:shop.example.com"
)
"""Every kind of condition, once."""

_NAMED: Final = ("header", "cookie", "query")
_HOW: Final[dict[str, How]] = {"": "exact", "=": "exact", "^": "prefix", "~": "regex"}
_SIGN: Final[dict[How, str]] = {"exact": "=", "prefix": "^=", "regex": "~="}

_OF_NAME: Final = re.compile(r":(?P<name>[^=]+?)(?P<sign>[\^~]?)=(?P<value>.*)", re.DOTALL)
_OF_PART: Final = re.compile(r"(?P<sign>:|[=\^~]?=)(?P<value>.*)", re.DOTALL)
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 §5.6.2
_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\U0010ffff]*")  # RFC 9110 §5.5: no controls
_OF_VALUE: Final[dict[Part, tuple[re.Pattern[str], str]]] = {
    "path": (
        re.compile(r"/[!\x22$->@-~]*"),
        "is no path as it is sent: it begins with /, has no ? or #, and letters beyond ASCII are "
        "percent-encoded, as in /%C3%BC",
    ),
    "method": (_TOKEN, "is no method"),
    "grpc": (
        re.compile(r"[A-Za-z_][\w.]*/(?:[A-Za-z_]\w*)?", re.ASCII),
        "is not package.Service or package.Service/Method",
    ),
    "sni": (
        re.compile(r"(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*"),
        "is no server name such as shop.example.com or *.example.com",
    ),
}


def parse_match(text: str) -> Match:
    """Read one ``--match``.

    Raises: UsageError naming the condition and what is wrong with it.
    """
    parts = [part.strip() for part in re.split(r"(?<!\\),", text)]
    if not all(parts):
        raise UsageError(f"--match {text!r} has an empty condition", hint=f"such as {HELP}")
    match = Match(tuple(dict.fromkeys(_parse(part.replace("\\,", ",")) for part in parts)))
    check_match(match, text)
    return match


def match_text(match: Match) -> str:
    """The ``--match`` that says this; what `parse_match` reads back as the same."""
    return ",".join(condition_text(one).replace(",", "\\,") for one in match.conditions)


def condition_text(one: Condition) -> str:
    """One condition as ``--match`` has it."""
    if one.part == "path" and one.how == "prefix":
        return f"path:{one.value}"
    if one.part == "grpc":
        return f"grpc:{one.value.removesuffix('/')}"
    name = f":{one.name}" if one.name else ""
    return f"{one.part}{name}{_SIGN[one.how]}{one.value}"


def cookie_regex(one: Condition) -> str:
    """A condition on a cookie as one on the whole header ``cookie`` (RFC 6265 §4.2.1), for a
    proxy that knows no cookies; RE2, to match the whole."""
    value = one.value if one.how == "regex" else re.escape(one.value)
    rest = "[^;]*" if one.how == "prefix" else ""
    return f"(?:.*;\\s*)?{re.escape(one.name)}=(?:{value}){rest}(?:\\s*;.*)?"


def check_condition(one: Condition, said: str = "") -> None:
    """Let pass what every driver can say to its proxy; what others wrote is checked by it, too.

    Raises: UsageError saying what is wrong with it, beginning with ``said``.
    """
    said = said or condition_text(one)
    if (one.part in _NAMED) != bool(one.name) or (one.name and not _TOKEN.fullmatch(one.name)):
        raise _wrong(said, f"{one.name!r} is no name of a {one.part}")
    if len(one.value) > LONGEST:
        raise _wrong(said[:80], f"the value is longer than {LONGEST} characters")
    if not _VALUE.fullmatch(one.value) or one.value.endswith("\\"):
        raise _wrong(said, "no value holds control characters or ends with a backslash")
    if one.how == "regex":
        check_regex(one.value, f"--match {said}")
    _check_how(one, said)


def _check_how(one: Condition, said: str) -> None:
    """What the part itself asks of the value."""
    ways = {"method": ("exact", "regex"), "sni": ("exact",), "grpc": ("exact", "prefix")}
    if one.how not in ways.get(one.part, (*_SIGN,)):
        raise _wrong(said, f"{one.part} is compared as a whole")
    pattern, fault = _OF_VALUE.get(one.part, (_VALUE, ""))
    if one.how != "regex" and not pattern.fullmatch(one.value):
        raise _wrong(said, f"{one.value!r} {fault}")
    if one.how == "prefix" and not one.value:
        raise _wrong(said, "everything begins with nothing")


def _parse(text: str) -> Condition:
    word = re.match(r"[a-z]*", text)[0]  # type: ignore[index]  # it may be empty
    if word not in get_args(Part):
        raise _wrong(text, "it begins with no part of a request")
    found = (_OF_NAME if word in _NAMED else _OF_PART).fullmatch(text, len(word))
    if found is None:
        raise _wrong(text, "it does not say what is wanted")
    name = found["name"] if word in _NAMED else ""
    one = _condition(cast("Part", word), name, found["sign"], found["value"])
    check_condition(one, text)
    return one


def _condition(part: Part, name: str, sign: str, value: str) -> Condition:
    if part == "path" and sign in (":", "^="):
        return Condition(part, "", "prefix", value.rstrip("/") or value[:1])
    if part == "grpc" and sign in (":", "=", "=="):
        whole = "/" in value.removesuffix("/")
        return Condition(part, "", *(("exact", value) if whole else ("prefix", _service(value))))
    if part == "sni":
        value = value.lower()
    how = _HOW[sign.removesuffix("=").removeprefix(":")]
    return Condition(part, name.lower() if part == "header" else name, how, value)


def _service(value: str) -> str:
    return f"{value.removesuffix('/')}/"


def check_match(match: Match, said: str = "") -> None:
    """Let pass conditions that can be said together to every proxy.

    Raises: UsageError saying which can't, or what is wrong with one of them.
    """
    said = said or match_text(match)
    for one in match.conditions:
        check_condition(one)
    seen = [_what(one) for one in match.conditions]
    twice = next((what for what in seen if seen.count(what) > 1), None)
    if twice:
        raise _wrong(said, f"only one condition can be for the {' '.join(twice).strip()}")
    if len(seen) > 1 and ("sni", "") in seen:
        raise _wrong(said, "TLS hides all but the server's name: sni stands alone")


def _what(one: Condition) -> tuple[str, str]:
    """What it is about; a method of gRPC is a path
    (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md)."""
    return ("path", "") if one.part == "grpc" else (one.part, one.name)


def _wrong(said: str, why: str) -> UsageError:
    return UsageError(f"--match {said}: {why}", hint=f"such as {HELP}")
