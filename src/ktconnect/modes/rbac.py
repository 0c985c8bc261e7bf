"""`ktctl rbac print`: the least Role for some commands. Pure: it needs no cluster."""

import json
from collections.abc import Iterable

import yaml

from ktconnect.objects.rights import needed, role
from ktconnect.objects.session import Manifest


def printed(commands: Iterable[str], namespace: str, output: str) -> str:
    """The Role for these commands in a namespace ("": wherever it is applied), as YAML or JSON.

    Raises: UsageError for a command that isn't there.
    """
    manifest = least_role(tuple(commands), namespace)
    if output == "json":
        return json.dumps(manifest)
    return yaml.safe_dump(manifest, sort_keys=False, default_flow_style=None, width=120).rstrip()


def least_role(commands: tuple[str, ...], namespace: str) -> Manifest:
    """One Role with all rights that these commands need."""
    found = role("-".join(("ktctl", *commands)), namespace, needed(commands))
    if not namespace:
        del found["metadata"]["namespace"]
    return found
