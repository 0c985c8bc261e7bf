"""Stands in for NetworkPolicy, which nothing here enforces: nft rules on every node.

A denial drops the packets of connections that FROM opens to TO, existing ones included; what TO
opens to FROM is not touched.
"""

import ipaddress
from collections.abc import Sequence

from playground import network
from playground.access import Access
from playground.errors import PlaygroundError

TABLE = "inet playground_denials"

# Addresses and ranges of one side, by what the user called it.
Ends = tuple[list[str], list[str]]


def ruleset(denials: Sequence[Ends]) -> str:
    """nft text that replaces the whole table."""
    rules = [rule for origins, goals in denials for rule in _rules(origins, goals)]
    body = "\n    ".join(["type filter hook forward priority -10; policy accept;", *rules])
    empty = f"table {TABLE} {{}}\ndelete table {TABLE}\n"
    return f"{empty}table {TABLE} {{\n  chain forward {{\n    {body}\n  }}\n}}\n"


def _rules(origins: list[str], goals: list[str]) -> list[str]:
    rules = []
    for family, version in (("ip", 4), ("ip6", 6)):
        left, right = _of(version, origins), _of(version, goals)
        if left and right:
            match = f"{family} saddr {{ {left} }} {family} daddr {{ {right} }}"
            rules.append(f"ct direction original {match} drop")
    return rules


def _of(version: int, ranges: list[str]) -> str:
    return ", ".join(one for one in ranges if ipaddress.ip_network(one).version == version)


def deny(site: Access, origin: str, goal: str) -> None:
    """Deny one more pair, each a Pod (``namespace/name``), an address or a range.

    A Pod is meant by the addresses it has now. Raises: PlaygroundError.
    """
    known = site.state
    known.denials.append((addresses(site, origin), addresses(site, goal)))
    _load(site, ruleset(known.denials))
    known.save(site.folder)


def clear(site: Access) -> None:
    """Allow everything again."""
    known = site.state
    known.denials = []
    _load(site, ruleset([]))
    known.save(site.folder)


def _load(site: Access, text: str) -> None:
    for node in site.plan.nodes:
        network.load_rules(site.plan.namespace(node.name), text)


def addresses(site: Access, text: str) -> list[str]:
    """The addresses or ranges that a user's word means. Raises: PlaygroundError."""
    try:
        return [str(ipaddress.ip_network(text, strict=False))]
    except ValueError:
        namespace, slash, pod = text.partition("/")
    if not slash:
        raise PlaygroundError(
            f"{text!r} is neither an address nor a Pod", hint="write a Pod as NAMESPACE/NAME"
        )
    found = site.get("pod", pod, f"--namespace={namespace}")["status"].get("podIPs", [])
    if not found:
        raise PlaygroundError(f"Pod {text} has no address yet", hint="wait until it runs")
    return [address["ip"] for address in found]
