"""What an Envoy's file says, in lines for a person: who gets which requests, and where that is."""

from collections.abc import Iterator
from typing import Any

import yaml

from .envoy_parts import Json


class _Loader(yaml.SafeLoader):
    """Knows a tag that the files have for what is written once and used elsewhere."""


_Loader.add_multi_constructor("!", lambda *_: None)


def told(text: str) -> list[str]:
    """What a file of `rules.envoy.router_files` lists; nothing for any other text."""
    try:
        found = yaml.load(text, _Loader)
    except yaml.YAMLError:
        return []
    resources = found.get("resources") if isinstance(found, dict) else None
    if not isinstance(resources, list):
        return []
    return [line for each in resources if isinstance(each, dict) for line in _lines(each)]


def differing(before: str, after: str) -> list[str]:
    """``- name: …`` and ``+ name: …`` for what only one of two versions says."""
    old, new = told(before), told(after)
    gone = [f"- {line}" for line in old if line not in new]
    return gone + [f"+ {line}" for line in new if line not in old]


def _lines(resource: Json) -> Iterator[str]:
    """Of routes each one; of all else its name, and the addresses in the order they are tried."""
    hosts = resource.get("virtual_hosts")
    if hosts is None:
        yield f"{resource.get('name')}: {', else '.join(_addresses(resource))}"
        return
    for route in (route for host in hosts for route in host.get("routes") or ()):
        meant = " ".join(_flat(route.get("match") or {}))
        to = (route.get("route") or {}).get("cluster", "somebody")
        yield f"{route.get('name')}: {meant} → {to}"


def _flat(value: Any, path: str = "") -> Iterator[str]:
    """``headers.version.exact=ann``: one word for each value."""
    if isinstance(value, dict):
        name = value.get("name")
        for key, each in value.items():
            if key != "name":
                yield from _flat(each, ".".join(filter(None, (path, name, _word(key)))))
    elif isinstance(value, list):
        for each in value:
            yield from _flat(each, path)
    else:
        yield f"{path}={value}"


def _word(key: str) -> str:
    return "" if key == "string_match" else key


def _addresses(value: Any) -> Iterator[str]:
    """Every ``host:port`` that stands in it, in order."""
    if isinstance(value, dict):
        if "address" in value and "port_value" in value:
            yield f"{value['address']}:{value['port_value']}"
        for each in value.values():
            yield from _addresses(each)
    elif isinstance(value, list):
        for each in value:
            yield from _addresses(each)
