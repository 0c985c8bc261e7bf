"""Who uses which Service of a namespace, and how, from what the cluster holds. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import filterfalse
from typing import Any, Final

from ktconnect import names
from ktconnect.objects.origin import SUFFIX
from ktconnect.objects.session import Manifest, Record
from ktconnect.sessions.holders import ago
from ktconnect.sessions.legacy_seen import (
    EXCHANGE,
    LEAST_SILENCE,
    MESH,
    SELECTOR,
    config_of,
    heart_beat,
    is_theirs,
    leads_to_them,
    name_of,
    notes_of,
    role_of,
)

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
PREVIEW: Final = "shadow-preview"
CONNECT: Final = "shadow-connect"
OLD_MODES: Final[Mapping[str, str]] = {
    EXCHANGE: "exchange",
    MESH: "mesh",
    PREVIEW: "preview",
}
OURS: Final = (SUFFIX, "-kt-stuntman")


@dataclass(frozen=True, slots=True)
class Use:
    """One user of a target: ``last`` is when the laptop was heard last, by the server's clock.

    ``session`` is the Lease's name, "" for KT Connect 0.3, which has none.
    """

    mode: str
    target: str
    namespace: str
    user: str
    session: str
    since: datetime | None
    last: datetime | None
    alive: bool
    ports: tuple[str, ...] = ()
    mark: str = ""
    driver: str = ""

    def row(self) -> dict[str, Any]:
        """For programs."""
        return {
            "user": self.user,
            "mode": self.mode,
            "session": self.session,
            "ports": list(self.ports),
            "mark": self.mark,
            "driver": self.driver,
            "since": self.since.isoformat() if self.since else None,
            "lastActive": self.last.isoformat() if self.last else None,
            "alive": self.alive,
        }


def uses_of(
    records: Iterable[Record], shadows: Iterable[Manifest], now: datetime
) -> tuple[Use, ...]:
    """All that Leases tell, then what shadows of KT Connect 0.3 tell."""
    ours = (
        Use(
            record.mode,
            record.target,
            record.namespace,
            record.holder,
            record.name,
            record.since,
            record.renewed,
            record.is_alive(now),
            record.ports,
            record.mark,
            record.driver,
        )
        for record in records
    )
    return (*ours, *(use for shadow in shadows if (use := _old_use(shadow, now)) is not None))


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
        of_it = [_as_meshed(use, service) for use in by_place.pop(place, [])]
        left = "shared by nobody who is there" if place in shared else _old_mark(service)
        rows.append(_row(place, of_it, "" if of_it else left, now))
    return rows + [_row(place, of_it, "", now) for place, of_it in by_place.items()]


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


def _heard(use: Use, now: datetime) -> str:
    return "not known" if use.last is None else f"last active {ago(now - use.last)} ago"


def _old_use(shadow: Manifest, now: datetime) -> Use | None:
    """What a Pod or Deployment of KT Connect 0.3 stands for; None for what is nobody's own."""
    role = role_of(shadow)
    mode = "connect" if role == CONNECT else OLD_MODES.get(role, "")
    if not mode or not is_theirs(shadow):
        return None
    beat = heart_beat(shadow)
    return Use(
        mode,
        "" if mode == "connect" else _old_target(shadow),
        shadow["metadata"]["namespace"],
        notes_of(shadow).get(names.ANNOTATION_USER) or "unknown",
        "",
        _moment(shadow["metadata"].get("creationTimestamp")),
        beat,
        beat is not None and now - beat <= LEAST_SILENCE,
        mark=name_of(shadow).partition("-kt-mesh-")[2],
    )


def _old_target(shadow: Manifest) -> str:
    """It is in ``kt-config``, or in the name: ``<service>-kt-mesh-<version>``."""
    config = config_of(shadow)
    if "app" in config:
        return f"deployment/{config['app']}"
    return f"service/{config.get('service') or name_of(shadow).partition('-kt-')[0]}"


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


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def hidden(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The rows without those of Services that nobody takes."""
    return (row for row in rows if row["status"] != NORMAL)
