"""Services that lead to an agent of a session whose Lease is gone, journal and all. Pure.

That takes somebody who deleted the Lease by hand while neither the laptop nor the agent could undo
it. What the Service was applied with (``kubectl apply`` keeps it) still knows its own selector.
"""

import json
from typing import Any

from ktconnect.apply.rehearsal import Step
from ktconnect.kube.undoable import AGENT
from ktconnect.objects.session import Manifest

APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def is_orphan(service: Manifest) -> bool:
    """Whether its selector finds an agent of ours; no session may hold it."""
    values = (service["spec"].get("selector") or {}).values()
    return any(AGENT.fullmatch(str(value)) for value in values)


def way_back(service: Manifest) -> Step | None:
    """The change that gives it back to its own Pods; None if nobody knows them any more."""
    notes = service["metadata"].get("annotations") or {}
    before = _applied_selector(notes.get(APPLIED))
    if not before:
        return None
    metadata = service["metadata"]
    key = f"v1/Service/{metadata['namespace']}/{metadata['name']}#/spec/selector"
    return Step(key, service["spec"]["selector"], before)


def _applied_selector(text: Any) -> dict[str, str] | None:
    try:
        found = json.loads(text)["spec"]["selector"]
    except (TypeError, ValueError, KeyError):
        return None
    return found if isinstance(found, dict) else None
