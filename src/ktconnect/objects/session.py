"""A session's Lease: who, what, since when, alive or not; and the owner of all that is ours.

Everything that a session creates carries an owner reference to its Lease, so that one delete
takes it all (Kubernetes, "Garbage Collection"). What it changes of others is written on the Lease
before it is changed, with what was there before: the journal. Liveness is ``spec.renewTime``
compared with the server's clock, never with a laptop's.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ktconnect import names
from ktconnect.apply.change import Entry

Manifest = dict[str, Any]
Json = Any

LEASE = "coordination.k8s.io/v1/Lease"
SELECTOR = f"{names.LABEL_CONTROL_BY}={names.CONTROL_BY}"
"""Finds the Leases of all sessions."""

SHARED = "shared"
"""In ``kt-config``: the Lease that the session has in common with others."""

SERVICES = "services"
"""In a session's ``kt-config``: the names of the Services in front of a workload that it took."""

RENEW_SECONDS = 15
DURATION_SECONDS = 60
MICRO_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"  # coordination.k8s.io/v1 wants microseconds


@dataclass(frozen=True, slots=True)
class Session:
    """One run of one mode by one user."""

    name: str
    namespace: str
    role: str
    holder: str
    labels: tuple[tuple[str, str], ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()

    @property
    def label(self) -> str:
        """What its objects are labelled with, and found by."""
        return label_value(self.name)

    def metadata(self, name: str) -> Manifest:
        """Labels and annotations that every object of this session carries."""
        labels = {
            names.LABEL_CONTROL_BY: names.CONTROL_BY,
            names.LABEL_ROLE: self.role,
        }
        found_by = {names.LABEL_SESSION: self.label}  # never the user's: our selectors use it
        annotations = {names.ANNOTATION_USER: self.holder}
        return {
            "name": name,
            "namespace": self.namespace,
            "labels": labels | dict(self.labels) | found_by,
            "annotations": annotations | dict(self.annotations),
        }


def lease(
    session: Session,
    now: datetime,
    config: Mapping[str, Json],
    journal: Iterable[Entry] = (),
    *,
    restore_after: float = DURATION_SECONDS,
) -> Manifest:
    """The Lease that announces ``session``; ``now`` is the server's time.

    ``config`` is for others to read: ``mode`` (exchange), ``target`` (service/web), ``ports``
    (a list of texts), and whatever the mode wants to say besides. After ``restore_after`` seconds
    without a renewal anybody may undo what ``journal`` says.
    """
    metadata = session.metadata(session.name)
    metadata["annotations"][names.ANNOTATION_CONFIG] = json.dumps(config, sort_keys=True)
    metadata["annotations"][names.ANNOTATION_JOURNAL] = journal_text(journal)
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": metadata,
        "spec": {
            "holderIdentity": session.holder,
            "leaseDurationSeconds": max(1, math.ceil(restore_after)),
            "acquireTime": micro_time(now),
            "renewTime": micro_time(now),
        },
    }


def label_value(text: str) -> str:
    """``text`` as a label's value, which has 63 characters at most."""
    if len(text) <= 63:
        return text
    return f"{text[:54]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def micro_time(moment: datetime) -> str:
    """``moment`` as Kubernetes writes a MicroTime."""
    return moment.astimezone(UTC).strftime(MICRO_TIME)


def renew_seconds(duration: float) -> float:
    """How often a Lease that lasts so many seconds is to be renewed."""
    return min(RENEW_SECONDS, duration / 4)


def journal_text(entries: Iterable[Entry]) -> str:
    """The journal as it stands on a Lease."""
    return json.dumps([asdict(entry) for entry in entries])


def owner(of: Manifest) -> Manifest:
    """An owner reference to ``of``, an object as the server returned it."""
    return {
        "apiVersion": of["apiVersion"],
        "kind": of["kind"],
        "name": of["metadata"]["name"],
        "uid": of["metadata"]["uid"],
    }


@dataclass(frozen=True, slots=True)
class Record:
    """What a Lease says of its session.

    ``journal`` is None if the Lease has one that can't be read: nobody may then delete the Lease,
    as what it changed could not be undone any more.
    """

    name: str
    namespace: str
    uid: str
    version: str  # resourceVersion
    role: str
    holder: str
    config: Mapping[str, Json]
    journal: tuple[Entry, ...] | None
    taken_by: str
    since: datetime | None
    renewed: datetime | None
    duration: timedelta
    leaving: bool = False

    @property
    def mode(self) -> str:
        """The command that runs it; "" if the Lease doesn't say."""
        return str(self.config.get("mode", ""))

    @property
    def target(self) -> str:
        """What it takes, as ``service/web``; "" for a session that takes nothing."""
        return str(self.config.get("target", ""))

    @property
    def shared(self) -> str:
        """The Lease that it has in common with others, who share what stands on that one."""
        return str(self.config.get(SHARED, ""))

    @property
    def mark(self) -> str:
        """The version mark of requests that come to the laptop; "" where there is none."""
        return str(self.config.get("mark", ""))

    @property
    def driver(self) -> str:
        """How requests are told apart: router, istio, gateway, manual; "" where they are not."""
        return str(self.config.get("driver", ""))

    @property
    def ports(self) -> tuple[str, ...]:
        """The ports that go to the laptop, for people."""
        ports = self.config.get("ports", ())
        return tuple(map(str, ports)) if isinstance(ports, list | tuple) else ()

    def is_alive(self, now: datetime, grace: timedelta | None = None) -> bool:
        """Whether the holder renewed in time; ``grace`` replaces the Lease's own duration."""
        return self.renewed is not None and self.renewed + (grace or self.duration) > now


def record_of(lease: Manifest) -> Record:
    """Read a Lease. Never raises: what is foreign, older or damaged reads as unknown."""
    metadata = _mapping(lease.get("metadata"))
    labels, notes = _mapping(metadata.get("labels")), _mapping(metadata.get("annotations"))
    spec = _mapping(lease.get("spec"))
    acquired = _moment(spec.get("acquireTime"))
    return Record(
        name=str(metadata.get("name", "")),
        namespace=str(metadata.get("namespace", "")),
        uid=str(metadata.get("uid", "")),
        version=str(metadata.get("resourceVersion", "")),
        role=str(labels.get(names.LABEL_ROLE, "")),
        holder=str(spec.get("holderIdentity") or notes.get(names.ANNOTATION_USER) or "unknown"),
        config=_mapping(_json(notes.get(names.ANNOTATION_CONFIG))),
        journal=_entries(notes.get(names.ANNOTATION_JOURNAL)),
        taken_by=str(notes.get(names.ANNOTATION_TAKEN_BY, "")),
        since=acquired,
        renewed=_moment(spec.get("renewTime")) or acquired,
        duration=_duration(spec.get("leaseDurationSeconds")),
        leaving=bool(notes.get(names.ANNOTATION_LEAVING)),
    )


def _mapping(found: Json) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}


def _json(text: Json) -> Json:
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return None


def _moment(text: Json) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _duration(seconds: Json) -> timedelta:
    whole = seconds if isinstance(seconds, int) and 0 < seconds < 1 << 31 else DURATION_SECONDS
    return timedelta(seconds=whole)


def _entries(text: Json) -> tuple[Entry, ...] | None:
    if text is None:
        return ()
    try:
        entries = tuple(Entry(**fields) for fields in json.loads(text))
    except (TypeError, ValueError):
        return None
    whole = all(isinstance(part, str) for each in entries for part in (each.system, each.key))
    return entries if whole else None
