"""Who uses what in a namespace: what Leases tell, and what is left of KT Connect 0.3. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ktconnect import names
from ktconnect.objects.session import SERVICES, Manifest, Record
from ktconnect.sessions.legacy_seen import (
    EXCHANGE,
    LEAST_SILENCE,
    MESH,
    config_of,
    heart_beat,
    is_theirs,
    name_of,
    notes_of,
    role_of,
)

PREVIEW: Final = "shadow-preview"
CONNECT: Final = "shadow-connect"
OLD_MODES: Final[Mapping[str, str]] = {
    EXCHANGE: "exchange",
    MESH: "mesh",
    PREVIEW: "preview",
}


@dataclass(frozen=True, slots=True)
class Use:
    """One user of a target: ``last`` is when the laptop was heard last, by the server's clock.

    ``session`` is the Lease's name, "" for KT Connect 0.3, which has none. ``services``: those in
    front of a target that is none itself.
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
    services: tuple[str, ...] = ()

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
            _services(record),
        )
        for record in records
    )
    return (*ours, *(use for shadow in shadows if (use := _old_use(shadow, now)) is not None))


def _services(record: Record) -> tuple[str, ...]:
    """As its Lease says, which anybody may have written."""
    said = record.config.get(SERVICES)
    return tuple(map(str, said)) if isinstance(said, list) else ()


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
        moment(shadow["metadata"].get("creationTimestamp")),
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


def moment(text: str | None) -> datetime | None:
    """One of RFC 3339, if there is one."""
    return datetime.fromisoformat(text) if text else None
