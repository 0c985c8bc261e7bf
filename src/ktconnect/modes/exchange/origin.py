"""The origin Service of a session: made, kept like the Service that it stands in for, removed."""

import asyncio
import logging

from ktconnect.errors import Conflict, KtError
from ktconnect.kube.client import Cluster
from ktconnect.kube.failures import AlreadyExists
from ktconnect.modes.checks.seen import SLICE, SLICE_OF, is_ready
from ktconnect.modes.report import Reporter
from ktconnect.modes.targets import SERVICE
from ktconnect.objects.origin import address_of, origin_name, origin_service
from ktconnect.objects.session import LEASE, Manifest, Session

log = logging.getLogger(__name__)

LOOK_AGAIN = 5.0
"""Seconds between two looks whether it is still there."""

KEPT = ("name", "namespace", "labels", "annotations", "ownerReferences")


class Origin:
    """Beside the Service ``service``, owned by one session's Lease. Closes: ``delete``.

    Every method raises what `Cluster` raises.
    """

    def __init__(self, cluster: Cluster, agent: Session, service: str) -> None:
        self._cluster = cluster
        self._agent = agent
        self._namespace = agent.namespace
        self._made: Manifest | None = None
        self.name = origin_name(service)

    async def create(self, service: Manifest, owner: Manifest) -> None:
        """Make it, with what ``service`` has now.

        Raises: Conflict if something else has its name.
        """
        manifest = origin_service(self._agent, service, [owner])
        try:
            self._made = await self._cluster.create(manifest)
        except AlreadyExists:
            await self._clear(await self._cluster.find(SERVICE, self.name, self._namespace))
            self._made = await self._cluster.create(manifest)

    def address(self, port: int) -> str:
        """``host:port`` of one of its ports."""
        assert self._made is not None, "create() makes it"
        return address_of(self._made, port)

    async def select(self, selector: dict[str, str]) -> None:
        """Have these Pods from now on."""
        patch = [{"op": "replace", "path": "/spec/selector", "value": selector}]
        self._made = await self._cluster.patch(SERVICE, self.name, patch, self._namespace)

    async def keep(self, reporter: Reporter) -> None:
        """Make it again, at its address, whenever somebody has deleted it; until cancelled.

        The agent knows that address: without it a dead laptop's callers would have no way back.
        """
        while True:
            await asyncio.sleep(LOOK_AGAIN)
            try:
                if await self._make_again():
                    reporter.warn(
                        f"service {self._namespace}/{self.name} was deleted, and is made again",
                        "callers go there when this machine is gone: leave it to the session",
                    )
            except KtError as error:
                log.info("the origin %s: %s", self.name, error)

    async def _make_again(self) -> bool:
        made = self._made
        if made is None or await self._cluster.find(SERVICE, self.name, self._namespace):
            return False
        metadata = {key: made["metadata"][key] for key in KEPT if key in made["metadata"]}
        kind = {"apiVersion": "v1", "kind": "Service"}
        again = await self._cluster.create({**kind, "metadata": metadata, "spec": made["spec"]})
        if self._made is not None:  # else the end has come meanwhile: it goes with its Lease
            self._made = again
        return True

    async def has_backends(self) -> bool:
        """Whether any of its Pods is ready, as far as the cluster has noticed."""
        labels = f"{SLICE_OF}={self.name}"
        slices = await self._cluster.list(SLICE, self._namespace, labels=labels)
        return any(map(is_ready, (each for found in slices for each in found["endpoints"] or ())))

    async def delete(self) -> None:
        """Delete the one that ``create`` made. One that another session has made since stays."""
        made, self._made = self._made, None
        if made is None:
            return
        uid = str(made["metadata"]["uid"])
        try:
            await self._cluster.delete(SERVICE, self.name, self._namespace, uid=uid)
        except Conflict:
            return

    async def _clear(self, found: Manifest | None) -> None:
        """Take away what a session has left whose Lease is gone. Raises: Conflict if it isn't."""
        if found is None:
            return
        metadata = found["metadata"]
        owners = metadata.get("ownerReferences") or ()
        leases = [each["name"] for each in owners if each["kind"] == "Lease"]
        if not leases:
            raise Conflict(
                f"there is a Service {self.name} in namespace {self._namespace} that is not ours",
                hint="the origin needs that name: rename yours, or use --mode scale",
            )
        for lease in leases:
            if await self._cluster.find(LEASE, lease, self._namespace) is not None:
                raise Conflict(
                    f"Service {self.name} belongs to session {lease}",
                    hint="`ktctl birdseye` shows whose that is",
                )
        await self._cluster.delete(SERVICE, self.name, self._namespace, uid=metadata["uid"])
