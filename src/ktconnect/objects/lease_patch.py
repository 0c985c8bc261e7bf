"""What is changed of a session's Lease while it lasts, as JSON Patches (RFC 6902).

Each fits only the Lease that is meant: one that another session has made since is left alone.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from ktconnect import names
from ktconnect.apply.change import Entry

from .session import journal_text, micro_time


def renewal(now: datetime, uid: str = "") -> list[dict[str, Any]]:
    """The JSON Patch that keeps a Lease alive, with ``uid`` only the one that has it."""
    renew = {"op": "replace", "path": "/spec/renewTime", "value": micro_time(now)}
    return [*_only(uid), renew]


def journalling(entries: Iterable[Entry], uid: str) -> list[dict[str, Any]]:
    """The JSON Patch that replaces the journal of the Lease with this UID."""
    return [*_only(uid), _noting(names.ANNOTATION_JOURNAL, journal_text(entries))]


def taking(by: str, uid: str, version: str = "") -> list[dict[str, Any]]:
    """The JSON Patch that tells a session that it ends, and who ends it.

    With ``version`` (the resourceVersion) it fits only while nobody, its holder neither, has
    changed the Lease since.
    """
    unchanged = {"op": "test", "path": "/metadata/resourceVersion", "value": version}
    note = _noting(names.ANNOTATION_TAKEN_BY, by)
    return [*_only(uid), *([unchanged] if version else []), note]


def departing(uid: str) -> list[dict[str, Any]]:
    """The JSON Patch that says of a session that it is about to end by itself."""
    return [*_only(uid), _noting(names.ANNOTATION_LEAVING, "true")]


def _only(uid: str) -> list[dict[str, Any]]:
    return [{"op": "test", "path": "/metadata/uid", "value": uid}] if uid else []


def _noting(annotation: str, text: str) -> dict[str, Any]:
    return {"op": "add", "path": f"/metadata/annotations/{annotation}", "value": text}
