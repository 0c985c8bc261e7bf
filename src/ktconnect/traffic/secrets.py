"""What lets somebody in is not written down, unless asked for."""

import re

from .exchange import Headers, header

SECRET = re.compile(r"cookie|api-?key|token|secret|password|auth(?!or(?!iz))")
"""In names of headers, lower-case: also ``X-Api-Key``, ``X-Auth-Token``, ``X-CSRF-Token``."""

ASKING = frozenset({"www-authenticate", "proxy-authenticate"})
"""They say what is wanted, and let nobody in (RFC 9110 §11.6)."""

CREDENTIALS = frozenset({"authorization", "proxy-authorization"})
MASK = "(not recorded)"


def masked(headers: Headers) -> Headers:
    """The headers, without the values of those that are secrets.

    Of cookies the names are kept, of credentials the scheme: they tell what was sent at all.
    """
    return tuple(
        (name, _masked(name.lower(), value) if is_secret(name) else value)
        for name, value in headers
    )


def told(headers: Headers, name: str) -> str:
    """What may be shown of a header, by its lower-case name: the value; of cookies that are set
    their names, in order, and of other secrets that they are there. "" without it."""
    if name != "set-cookie":
        return header(masked(headers), name)
    return ", ".join(sorted({_key(value) for key, value in headers if key.lower() == name}))


def is_secret(name: str) -> bool:
    """Whether a header of that name may let somebody in."""
    return SECRET.search(name.lower()) is not None and name.lower() not in ASKING


def is_masked(value: str) -> bool:
    """Whether the true value is not known."""
    return MASK in value


def _masked(name: str, value: str) -> str:
    match name:
        case "cookie":
            return "; ".join(f"{_key(each)}={MASK}" for each in value.split(";"))
        case "set-cookie":
            pair, semicolon, rest = value.partition(";")
            return f"{_key(pair)}={MASK}{semicolon}{rest}"
        case _:
            scheme, space, _ = value.partition(" ")
            return f"{scheme} {MASK}" if space and name in CREDENTIALS else MASK


def _key(pair: str) -> str:
    return pair.partition("=")[0].strip()
