"""What lets somebody in is not written down, unless asked for."""

from .exchange import Headers

SECRET = frozenset({"authorization", "cookie", "set-cookie", "proxy-authorization"})
MASK = "(not recorded)"


def masked(headers: Headers) -> Headers:
    """The headers, without the values of those that are secrets.

    Of cookies the names are kept, of credentials the scheme: they tell what was sent at all.
    """
    return tuple(
        (name, _masked(name.lower(), value) if name.lower() in SECRET else value)
        for name, value in headers
    )


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
            return f"{scheme} {MASK}" if space else MASK


def _key(pair: str) -> str:
    return pair.partition("=")[0].strip()
