"""What every session that takes a share of a Service's requests is planned with."""

import secrets
import string
from typing import Final

from ktconnect.kube.client import Cluster
from ktconnect.modes.checks.seen import Seen, look
from ktconnect.modes.serving.spec import ServingSpec
from ktconnect.modes.serving.way import InboundPlan
from ktconnect.modes.shadow import clock
from ktconnect.modes.taking import clear_way
from ktconnect.modes.targets import SERVICE
from ktconnect.objects.router import RouterPod
from ktconnect.objects.session import Manifest
from ktconnect.rules.meshes import Choice
from ktconnect.sessions.lease import SessionLease
from ktconnect.sessions.shared import SharedLease
from ktconnect.sessions.taken import Taker

from .auto import mesh_driver
from .backends import Backends
from .driver import Driver, Seat
from .redirect import as_before
from .router import RouterDriver
from .sharing import MakeDriver

LETTERS: Final = 5
"""Random ones of a mark, where none is said."""


def random_letters() -> str:
    """As KT Connect marks a version that nobody named."""
    return "".join(secrets.choice(string.ascii_lowercase) for _ in range(LETTERS))


async def free_to_share(
    cluster: Cluster, service: Manifest, mode: str, taker: Taker, *, dry_run: bool
) -> Seen:
    """The Service and what is around it. Raises: Taken if somebody has all of its callers."""
    name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
    while True:
        found = await as_before(cluster, await cluster.get(SERVICE, name, namespace))
        seen = await look(cluster, found)
        if not await clear_way(cluster, mode, found, seen.backends, taker, dry_run=dry_run):
            return seen


def seat_of(
    cluster: Cluster, spec: ServingSpec, plan: InboundPlan, announced: SessionLease, driver: str
) -> Seat:
    """Where a driver puts its rules; nothing of it has been made yet."""
    common = SharedLease(
        cluster,
        plan.service,
        plan.namespace,
        driver,
        restore_after=spec.restore_after,
        now=clock(cluster, spec.cluster),
    )
    return Seat(cluster, plan.namespace, plan.service, announced, common)


def driver_for(spec: ServingSpec, router: RouterPod, chosen: Choice) -> MakeDriver:
    """How the driver is made once its seat is known."""
    within = spec.cluster.pod_creation_timeout

    def make(seat: Seat, backends: Backends) -> Driver:
        if chosen.driver != "router":
            return mesh_driver(chosen, seat)
        return RouterDriver(seat, backends, router, within=within, why=chosen.why)

    return make
