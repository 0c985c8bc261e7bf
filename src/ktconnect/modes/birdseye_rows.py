"""Who uses which Service of a namespace, and how, from what the cluster holds. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import filterfalse
from typing import Any, Final

from ktconnect import names
from ktconnect.objects.origin import SUFFIX
from ktconnect.objects.session import Manifest
from ktconnect.sessions.holders import ago
from ktconnect.sessions.legacy_seen import SELECTOR, leads_to_them, name_of, notes_of, role_of

from .birdseye_uses import PREVIEW, Use, moment

NORMAL: Final = "normal"
WORDS: Final[Mapping[str, str]] = {
    "exchange": "exchanged",
    "mesh": "meshed",
    "mirror": "mirrored",
    "preview": "previewing",
    "forward": "forwarded",
}
TAKING: Final = ("exchange", "mesh", "mirror", "preview")
"""Modes that change what callers of a Service meet."""
MANUAL: Final = "manual"
OURS: Final = (SUFFIX, "-kt-stuntman")


def service_rows(
    services: Sequence[Manifest], uses: Sequence[Use], now: datetime
) -> list[dict[str, Any]]:
    """A row for each Service, and for each other target that somebody takes.

    Services that ktctl made for itself are left out.
    """
    by_place: dict[tuple[str, str], list[Use]] = {}
    shared = {(use.namespace, use.target) for use in uses if use.mode == names.ROUTER}
    for use in uses:
        if use.mode in TAKING:
            by_place.setdefault((use.namespace, use.target), []).append(use)
    rows = []
    for service in filterfalse(_is_internal, services):
        place = (service["metadata"]["namespace"], f"service/{name_of(service)}")
        taking = [*by_place.pop(place, []), *(use for use in uses if _leads(use, place))]
        of_it = [_as_meshed(use, service) for use in taking]
        left = "shared by nobody who is there" if place in shared else _old_mark(service)
        rows.append(_row(place, of_it, "" if of_it else left, now))
    return rows + [_row(place, of_it, "", now) for place, of_it in by_place.items()]


def _leads(use: Use, place: tuple[str, str]) -> bool:
    """Whether callers of a Service come to who took the workload behind it."""
    namespace, target = place
    kind, _, name = target.partition("/")
    return use.namespace == namespace and kind == "service" and name in use.services


def sorted_rows(rows: Iterable[dict[str, Any]], by: str) -> list[dict[str, Any]]:
    """By name, or by status first: what is taken comes before what is not."""

    def key(row: dict[str, Any]) -> tuple[Any, ...]:
        status = (row["status"] == NORMAL, row["status"]) if by == "status" else ()
        return (*status, row["namespace"], row["name"])

    return sorted(rows, key=key)


def connector_rows(uses: Iterable[Use], now: datetime) -> list[dict[str, Any]]:
    """Who is connected, or forwards ports."""
    return [
        {
            **use.row(),
            "namespace": use.namespace,
            "target": use.target,
            "activity": _heard(use, now),
        }
        for use in uses
        if use.mode in ("connect", "forward")
    ]


def _row(place: tuple[str, str], uses: Sequence[Use], mark: str, now: datetime) -> dict[str, Any]:
    namespace, target = place
    by_word = _by_word(uses)
    return {
        "namespace": namespace,
        "name": target.removeprefix("service/"),
        "status": mark or next(iter(by_word), NORMAL),
        "text": mark or "; ".join(_text(*each) for each in by_word.items()) or NORMAL,
        "since": _since(uses, now),
        "state": "; ".join(_state(use, now) for use in uses),
        "sessions": [use.row() for use in uses],
    }


def _by_word(uses: Iterable[Use]) -> dict[str, list[Use]]:
    """Those who do the same with a Service, under the word for that."""
    found: dict[str, list[Use]] = {}
    for use in uses:
        how = (" (manual)" if use.driver == MANUAL else " (auto)") if use.mode == "mesh" else ""
        found.setdefault(WORDS[use.mode] + how, []).append(use)
    return found


def _text(word: str, uses: Iterable[Use]) -> str:
    """As KT Connect says it: ``exchanged by [ann@laptop]``."""
    return f"{word} by {', '.join(f'[{use.user}]' for use in uses)}"


def _since(uses: Sequence[Use], now: datetime) -> str:
    return "; ".join(ago(now - use.since) if use.since else "" for use in uses)


def _state(use: Use, now: datetime) -> str:
    if use.last is None:
        return "not known"
    return "alive" if use.alive else f"silent for {ago(now - use.last)}"


def told_states(row: Mapping[str, Any], now: datetime) -> str:
    """As ``state`` of a row, and of who counts as alive when the laptop was heard last: one that
    died a moment ago counts as alive."""
    return "; ".join(_told_state(session, now) for session in row["sessions"])


def _told_state(session: Mapping[str, Any], now: datetime) -> str:
    last = moment(session["lastActive"])
    if last is None:
        return "not known"
    passed = ago(now - last)
    return f"alive, last heard {passed} ago" if session["alive"] else f"silent for {passed}"


def _heard(use: Use, now: datetime) -> str:
    return "not known" if use.last is None else f"last active {ago(now - use.last)} ago"


def _as_meshed(use: Use, service: Manifest) -> Use:
    """Whether one of KT Connect 0.3 meshes by a router stands on the Service alone."""
    if use.session or use.mode != "mesh":
        return use
    return replace(use, driver=names.ROUTER if SELECTOR in notes_of(service) else MANUAL)


def _old_mark(service: Manifest) -> str:
    """What is left of KT Connect 0.3 where nobody is who uses it; "" if nothing is."""
    if SELECTOR in notes_of(service):
        return "taken with KT Connect by nobody who is there"
    if leads_to_them(service):
        return "led to a shadow of KT Connect that is gone"
    return ""


def _is_internal(service: Manifest) -> bool:
    """Made by a ktctl for itself, so that no caller means it; a preview is meant."""
    labels = service["metadata"].get("labels") or {}
    theirs = labels.get(names.LABEL_CONTROL_BY) == names.CONTROL_BY or bool(role_of(service))
    return (theirs and role_of(service) != PREVIEW) or name_of(service).endswith(OURS)


def hidden(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The rows without those of Services that nobody takes."""
    return (row for row in rows if row["status"] != NORMAL)
