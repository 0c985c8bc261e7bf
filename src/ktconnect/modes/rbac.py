"""`ktctl rbac print`: the least Role for some commands. Pure: it needs no cluster."""

import json
from collections.abc import Iterable

import yaml

from ktconnect.errors import UsageError
from ktconnect.objects.rights import Right, needed, role
from ktconnect.objects.session import Manifest
from ktconnect.objects.setup import scale_rights


def printed(
    commands: Iterable[str], namespace: str, output: str, scalable: Iterable[str] = ()
) -> str:
    """The Role for these commands in a namespace ("": wherever it is applied), as YAML or JSON.

    ``scalable``: kinds that agents are to scale back, too, which ``setup`` can give only to them
    if its user has it: ``rollouts.argoproj.io``.

    Raises: UsageError for a command that isn't there, or a kind that can't be one.
    """
    named = tuple(commands)
    manifest = least_role(named, namespace, _scales(named, tuple(scalable)))
    if output == "json":
        return json.dumps(manifest)
    return yaml.safe_dump(manifest, sort_keys=False, default_flow_style=None, width=120).rstrip()


def least_role(commands: tuple[str, ...], namespace: str, more: tuple[Right, ...] = ()) -> Manifest:
    """One Role with all rights that these commands need, and ``more``."""
    rights = tuple(dict.fromkeys((*needed(commands), *more)))
    found = role("-".join(("ktctl", *commands)), namespace, rights)
    if not namespace:
        del found["metadata"]["namespace"]
    return found


def _scales(commands: tuple[str, ...], kinds: tuple[str, ...]) -> tuple[Right, ...]:
    if kinds and "setup" not in commands:
        raise UsageError(
            "--scalable is about what setup gives to agents",
            hint="for example: ktctl rbac print setup --scalable rollouts.argoproj.io",
        )
    return tuple(right for kind in kinds for right in _scale(kind))


def _scale(kind: str) -> tuple[Right, ...]:
    plural, _, group = kind.lower().partition(".")
    if not plural or not group:  # no cluster is asked here, which would know the rest
        raise UsageError(
            f"--scalable {kind} names no group",
            hint="write the plural and the group, for example rollouts.argoproj.io",
        )
    return scale_rights(group, plural)
