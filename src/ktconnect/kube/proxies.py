"""Which proxy leads to the API server. Pure: URL and environment in, proxy URL out.

The rules are those of Go's net/http, which kubectl follows: upper or lower case variables,
``NO_PROXY`` with host names, domains, addresses and CIDRs, and never a proxy for loopback.
"""

import ipaddress
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from ktconnect.errors import UsageError

SCHEMES = ("http", "https", "socks5", "socks5h")


def checked_proxy(url: str) -> str:
    """The proxy URL if it is one that we can use.

    Raises: UsageError, which does not show the password that a proxy URL may hold.
    """
    parts = parsed(url)
    if parts is None or parts.scheme not in SCHEMES:
        _, login, place = url.rpartition("@")
        raise UsageError(
            f"proxy URL {f'…@{place}' if login else url!r} can't be used",
            hint="write http://host:port, https://host:port or socks5://host:port",
        )
    return url


def parsed(url: str) -> SplitResult | None:
    """The parts of a URL that names a host; None for all else."""
    try:
        parts = urlsplit(url)
        return parts if parts.hostname and parts.port != 0 else None
    except ValueError:  # half an IPv6 address, or a port that is no number
        return None


def proxy_from_environment(server: str, environ: Mapping[str, str]) -> str:
    """The proxy that the environment asks for; "" when the way is direct."""
    parts = urlsplit(server)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    proxy = _variable(environ, f"{parts.scheme}_proxy")
    if not proxy or _is_excluded(host, port, _variable(environ, "no_proxy")):
        return ""
    return checked_proxy(proxy if "://" in proxy else f"http://{proxy}")


def _variable(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name.upper()) or environ.get(name) or ""


def _is_excluded(host: str, port: int, no_proxy: str) -> bool:
    if host == "localhost" or (_address(host) or ipaddress.IPv4Address(0)).is_loopback:
        return True
    return any(_excludes(entry.strip().lower(), host, port) for entry in no_proxy.split(","))


def _excludes(entry: str, host: str, port: int) -> bool:
    if entry in ("", "*"):
        return entry == "*"
    address = _address(host)
    if address is not None:
        return _covers(entry, address) or entry == f"{host}:{port}"
    name, _, only_port = entry.partition(":")
    if only_port and only_port != str(port):
        return False
    domain = name.removeprefix("*").removeprefix(".")
    return host.endswith(f".{domain}") or (host == domain and not name.startswith((".", "*")))


def _covers(entry: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    try:
        return address in ipaddress.ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        return False


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
