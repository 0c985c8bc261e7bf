"""A session's Lease: who, what, since when, alive or not; and the owner of all that is ours.

Everything that a session creates carries an owner reference to its Lease, so that one delete
takes it all (Kubernetes, "Garbage Collection"). Liveness is ``spec.renewTime`` compared with the
server's clock, never with a laptop's.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ktconnect import names

Manifest = dict[str, Any]

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

    def metadata(self, name: str) -> Manifest:
        """Labels and annotations that every object of this session carries."""
        labels = {
            names.LABEL_CONTROL_BY: names.CONTROL_BY,
            names.LABEL_ROLE: self.role,
        }
        found_by = {names.LABEL_SESSION: self.name}  # never the user's: our selectors use it
        annotations = {names.ANNOTATION_USER: self.holder}
        return {
            "name": name,
            "namespace": self.namespace,
            "labels": labels | dict(self.labels) | found_by,
            "annotations": annotations | dict(self.annotations),
        }


def lease(session: Session, now: datetime, config: dict[str, str]) -> Manifest:
    """The Lease that announces ``session``; ``now`` is the server's time."""
    metadata = session.metadata(session.name)
    metadata["annotations"][names.ANNOTATION_CONFIG] = json.dumps(config, sort_keys=True)
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": metadata,
        "spec": {
            "holderIdentity": session.holder,
            "leaseDurationSeconds": DURATION_SECONDS,
            "acquireTime": micro_time(now),
            "renewTime": micro_time(now),
        },
    }


def micro_time(moment: datetime) -> str:
    """``moment`` as Kubernetes writes a MicroTime."""
    return moment.astimezone(UTC).strftime(MICRO_TIME)


def renewal(now: datetime) -> list[dict[str, Any]]:
    """The JSON Patch that keeps a Lease alive."""
    return [{"op": "replace", "path": "/spec/renewTime", "value": micro_time(now)}]


def owner(of: Manifest) -> Manifest:
    """An owner reference to ``of``, an object as the server returned it."""
    return {
        "apiVersion": of["apiVersion"],
        "kind": of["kind"],
        "name": of["metadata"]["name"],
        "uid": of["metadata"]["uid"],
    }


def is_alive(lease: Manifest, now: datetime, grace: timedelta | None = None) -> bool:
    """Whether the holder renewed in time; ``grace`` replaces the Lease's own duration."""
    spec = lease.get("spec", {})
    renewed = spec.get("renewTime") or spec.get("acquireTime")
    if renewed is None:
        return False
    duration = timedelta(seconds=spec.get("leaseDurationSeconds", DURATION_SECONDS))
    return datetime.fromisoformat(renewed) + (grace or duration) > now
