"""The way of a preview: a Service of its own, there only while the session is."""

import logging
from contextlib import aclosing

from ktconnect import names
from ktconnect.apply.change import Entry
from ktconnect.errors import Conflict, Refused
from ktconnect.kube.client import Cluster
from ktconnect.kube.failures import AlreadyExists
from ktconnect.kube.watch import Event
from ktconnect.objects.origin import preview_service
from ktconnect.objects.ports import PortMap
from ktconnect.objects.session import Manifest
from ktconnect.tunnel.tunnel import Tunnel

from .report import Reporter
from .serving.following import follow
from .serving.way import InboundPlan, Origins, WayLost
from .targets import SERVICE

log = logging.getLogger(__name__)

ADDRESSES = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy")
HELM = "meta.helm.sh/release-name"
MANAGED_BY = "app.kubernetes.io/managed-by"


class PreviewWay:
    """A `serving.way.Way` that changes nothing of others."""

    yields = False
    patience = 10.0
    advice: tuple[str, ...] = ()
    journal: tuple[Entry, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()

    def __init__(self, cluster: Cluster, plan: InboundPlan, *, external: bool) -> None:
        self._cluster = cluster
        self._plan = plan
        self._external = external
        self._owner: Manifest = {}
        self._made: Manifest | None = None
        self._wanted = False
        self._outside = ""
        self.broken = "the Service is not there yet"
        self.banner = f"Now you can access your local service in cluster by name '{plan.service}'"

    async def prepare(self, owner: Manifest) -> Origins:
        """See `Way`."""
        self._owner = owner
        return {}

    async def check(self, tunnel: Tunnel, reporter: Reporter) -> None:
        """See `Way`."""

    async def switch(self) -> None:
        """See `Way`. Raises: Conflict if there is a Service of that name meanwhile."""
        self._wanted = True
        try:
            self._made = await self._create(self._manifest())
        except AlreadyExists:
            raise Conflict(
                f"somebody has made a Service {self._plan.where} at this very moment",
                hint="use another name",
            ) from None
        self.broken = ""

    def _manifest(self) -> Manifest:
        ports = [_port(port) for port in self._plan.ports]
        return preview_service(
            self._plan.agent, self._plan.service, ports, [self._owner], external=self._external
        )

    async def _create(self, manifest: Manifest) -> Manifest:
        """With the address that it had, if it had one: callers remember it."""
        had = self._made["spec"] if self._made else {}
        kept = {key: had[key] for key in ADDRESSES if key in had}
        if kept:
            try:
                return await self._cluster.create(
                    {**manifest, "spec": {**manifest["spec"], **kept}}
                )
            except Refused as refused:
                log.info("service %s gets a new address: %s", self._plan.where, refused)
        return await self._cluster.create(manifest)

    async def service(self) -> Manifest | None:
        """See `Way`."""
        return await self._cluster.find(SERVICE, self._plan.service, self._plan.namespace)

    async def follow(self, reporter: Reporter) -> None:
        """See `Way`. A Service that was deleted is made anew."""
        await follow(lambda: self._watch(reporter), self._plan.where)

    async def give_back(self) -> None:
        """See `Way`."""
        self._wanted = False
        await self.remove()

    async def remove(self) -> None:
        """See `Way`."""
        if self._made is None:
            return
        uid = str(self._made["metadata"]["uid"])
        try:
            await self._cluster.delete(SERVICE, self._plan.service, self._plan.namespace, uid=uid)
        except Conflict:  # another one by now, and not ours
            return

    async def _watch(self, reporter: Reporter) -> None:
        name, present = self._plan.service, False
        fields = f"metadata.name={name}"
        events = self._cluster.watch(SERVICE, self._plan.namespace, fields=fields)
        async with aclosing(events) as happened:
            async for event in happened:
                if event.object and event.object["metadata"]["name"] != name:
                    continue
                present = present or bool(event.object)
                if event.type == "DELETED" or (event.type == "SYNCED" and not present):
                    await self._again(reporter)
                elif event.object:
                    self._look(event, reporter)

    async def _again(self, reporter: Reporter) -> None:
        if not self._wanted:
            return
        self.broken = f"service {self._plan.where} was deleted"
        try:
            await self.switch()
        except Conflict as error:
            raise WayLost(f"{self.broken}, and is another one's now", hint=error.hint) from None
        reporter.note(f"{self.broken}, and is there again")

    def _look(self, event: Event, reporter: Reporter) -> None:
        """Tell the address that the world finds it by, once it has one."""
        outside = outside_of(event.object)
        if self._external and outside and outside != self._outside:
            self._outside = outside
            reporter.note(f"from outside the cluster it is found at {outside}")


def _port(port: PortMap) -> Manifest:
    return {
        "name": port.service_name,
        "protocol": port.protocol.upper(),
        "port": port.service_port,
        "targetPort": port.pod_port,
    }


def outside_of(service: Manifest) -> str:
    """The addresses of a load balancer, comma-separated; "" while there are none."""
    status = (service.get("status") or {}).get("loadBalancer") or {}
    found = (each.get("hostname") or each.get("ip") or "" for each in status.get("ingress") or ())
    return ", ".join(filter(None, found))


def owner_of(service: Manifest) -> str:
    """Whose it is, as far as it says so: ``made by helm (release shop)``."""
    metadata = service["metadata"]
    labels, notes = metadata.get("labels") or {}, metadata.get("annotations") or {}
    owners = metadata.get("ownerReferences") or ()
    if names.ANNOTATION_USER in notes:
        return f"a session of {notes[names.ANNOTATION_USER]}"
    if HELM in notes:
        return f"of Helm release {notes[HELM]}"
    for each in owners:
        return f"owned by {each['kind']} {each['name']}"
    if MANAGED_BY in labels:
        return f"managed by {labels[MANAGED_BY]}"
    managers = [each.get("manager") for each in metadata.get("managedFields") or ()]
    made = next(filter(None, managers), "")
    return f"made with {made}" if made else f"there since {metadata.get('creationTimestamp')}"
