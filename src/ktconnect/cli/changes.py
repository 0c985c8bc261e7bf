"""What a dry run would make and change, for a person: a router's files by what they say."""

import json
from typing import Any

LONG = 300
"""Characters of a file that are not shown any more."""


def as_yaml(manifest: dict[str, Any]) -> str:
    """A document of YAML, as kubectl takes it."""
    import yaml

    whole = json.loads(json.dumps(manifest))  # YAML marks what two fields share, JSON can't
    return "---\n" + yaml.safe_dump(whole, sort_keys=False, width=1000, allow_unicode=True).rstrip()


def summed_up(manifest: dict[str, Any]) -> dict[str, Any]:
    """The same, with a list of what it says in the place of each file of an Envoy."""
    files = manifest.get("data")
    if manifest.get("kind") != "ConfigMap" or not files:
        return manifest
    return {**manifest, "data": {name: _file(text) for name, text in files.items()}}


def _file(text: str) -> list[str] | str:
    from ktconnect.rules.envoy_told import told

    return told(text) or (text if len(text) <= LONG else f"({len(text):,} characters)")


def change_lines(key: str, before: Any, after: Any) -> list[str]:
    """``key: before -> after``; of an Envoy's file a line for each route or way that comes or goes,
    and nothing if none does."""
    from ktconnect.rules.envoy_told import differing, told

    if isinstance(before, str) and isinstance(after, str) and told(after):
        lines = differing(before, after)
        return [f"{key}:", *(f"  {line}" for line in lines)] if lines else []
    return [f"{key}: {_value(before)} -> {_value(after)}"]


def _value(value: Any) -> str:
    return "absent" if value is None else json.dumps(value, sort_keys=True)
