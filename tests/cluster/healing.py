"""What a session and the programs of the laptop tell about trouble and its end."""

from collections.abc import Callable
from datetime import datetime

from playground.cluster import Playground
from tests.cluster.connecting import ours, wait_until
from tests.cluster.session import Event, Session
from tests.cluster.traffic import Traffic

NOTICED = 6.0
"""Seconds from the break to the status that tells it."""

WAYS = ("http", "udp", "flow", "echo")
"""Kinds of traffic to the echo server that must work again; ``echo`` is its name."""


def moment(event: Event) -> float:
    """When it happened, in seconds since the epoch."""
    return datetime.fromisoformat(event["time"]).timestamp()


def status_after(
    session: Session, began: float, wanted: Callable[[str], bool], within: float
) -> float:
    """When, after ``began``, a status had a health that is wanted."""
    return moment(
        session.wait_for(
            lambda event: (
                event["event"] == "status" and moment(event) >= began and wanted(event["health"])
            ),
            within,
        )
    )


def trouble(session: Session, began: float, within: float = NOTICED + 4) -> float:
    """When the status first told of trouble."""
    return status_after(session, began, lambda health: health != "up", within)


def healed(session: Session, going: Traffic, since: float, within: float = 40) -> float:
    """Seconds until everything that began after ``since`` works."""
    ends = [going.wait_ok(kind, since, within).ended for kind in WAYS]
    status_after(session, since, lambda health: health == "up", within)
    return max(ends) - since


def kept_ended(going: Traffic, within: float = 10) -> set[str]:
    """How the connections ended that were open all the time."""
    return {going.wait_end(kind, within).problem for kind in ("open", "idle")}


def one_of_each(cluster: Playground, namespace: str, session: Session) -> None:
    """No object is doubled or lost."""

    def settled() -> bool:
        kinds = [each.split("/")[0] for each in ours(cluster, namespace)]
        return kinds == ["ConfigMap", "Deployment", "Lease", "Pod", "ReplicaSet"]

    wait_until(settled, within=20)
    assert f"Lease/{session.name}" in ours(cluster, namespace)
    assert session.process.poll() is None
