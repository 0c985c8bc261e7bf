"""All that a router needs, made as it should be: computed from what is there, by anybody.

It may be run by all who share the Service at once, and be stopped anywhere; a crash leaves nothing
that the next run does not finish. Every write is compare-and-swap.

One order matters: the ConfigMap is read *before* the shares are listed. Whoever replaces a version
of it has then seen every share that was there when that version was written, so that no late writer
can lose a share that a faster one has put in.
"""

import asyncio
import logging
from dataclasses import dataclass
from typing import Final

from ktconnect.errors import Conflict
from ktconnect.kube.failures import NotFound
from ktconnect.kube.podstate import Ready, verdict
from ktconnect.modes.leading import shown, who_set_selector
from ktconnect.modes.serving.way import WayLost
from ktconnect.modes.targets import SERVICE
from ktconnect.objects.agent import AgentPort
from ktconnect.objects.ports import listens
from ktconnect.objects.router import (
    Doors,
    RouterPod,
    as_chosen,
    deployment,
    pods_name,
    router_name,
)
from ktconnect.objects.session import Manifest
from ktconnect.rules.envoy import (
    READY_PATH,
    admin_port,
    ready_port,
    router_args,
)
from ktconnect.rules.model import Share
from ktconnect.rules.plan import RoutePlan
from ktconnect.sessions.lease import Over
from ktconnect.sessions.shared_names import shared_session

from .backends import Backends
from .draining import Stats
from .driver import Seat
from .ensure import Ensured, NotOurs, owned_by
from .envoys import Envoys
from .files import CONFIG_MAP, Files
from .redirect import Redirect
from .remade import Remade
from .routeplan import SharedService, route_plan
from .shares import Shares, with_own

log = logging.getLogger(__name__)

DEPLOYMENT: Final = "apps/v1/Deployment"
TRIES: Final = 20
AGAIN: Final = 0.05

SLEEP_ACTION: Final = (1, 30)
"""Since then Pods may sleep before they are told to end (KEP-3960)."""

NOT_READY: Final = "no Pod of the router is ready"


@dataclass(frozen=True, slots=True)
class Found:
    """What there was a moment ago; the ConfigMap was read first."""

    files: Manifest | None
    router: Manifest | None
    services: dict[str, Manifest]
    pods: list[Manifest]

    def has(self, what: str) -> bool:
        """Whether that was there, called as people are told of it."""
        kind, _, name = what.rpartition(" ")
        there = {"ConfigMap": self.files, "Deployment": self.router}
        return (there[kind] if kind else self.services.get(name)) is not None


class Settling:
    """One session's hand in it. Every method raises what `Cluster` raises."""

    def __init__(
        self,
        seat: Seat,
        backends: Backends,
        redirect: Redirect,
        shares: Shares,
        pod: RouterPod,
    ) -> None:
        self.name = router_name(seat.service)
        self.envoys = Envoys(seat.cluster, seat.namespace, self.name)
        self.broken = ""
        """Why requests are not told apart; empty while they are."""
        self._seat = seat
        self._backends = backends
        self._redirect = redirect
        self._shares = shares
        self._pod = pod
        self._ensured = Ensured(seat.cluster)
        self.files = Files(seat, self.name, self._ensured, self.envoys)
        self._session = shared_session(seat.service, seat.namespace)
        self._at_a_time = asyncio.Lock()
        self._lingers: bool | None = None
        self._remade = Remade(seat.where)
        self.shares: tuple[Share, ...] = ()
        """What the cluster held when it was looked at last."""

    async def settle(self, own: Share | None, *, lead: bool = False) -> list[str]:
        """Make all as it should be; with ``lead`` the Service's selector, too.

        ``own``: a share that may not be seen in the cluster yet. Returns what had to be done
        because of somebody else, in lines for a person. Raises: WayLost if the Service has become
        one that can't be shared; Refused if a newer ktctl renders the files, and ``own`` is to be
        put in; Over if our own session has ended.
        """
        async with self._at_a_time:
            for _ in range(TRIES):
                try:
                    return await self._settle(own, lead)
                except (NotOurs, Over):
                    raise
                except (Conflict, NotFound) as error:  # others do the same at this moment
                    log.debug("%s: %s", self._seat.where, error)
                await asyncio.sleep(AGAIN)
        raise Conflict(
            f"the router of {self._seat.where} keeps changing under our feet", hint="try again"
        )

    async def is_in_force(self, stats: Stats) -> bool:
        """Whether a Pod that tells these statistics works by what the ConfigMap says now. Others
        may change that at any time; our own share stays in it. Raises: WayLost if the Service was
        deleted before there was anything to say."""
        if not self.files.is_known(await self.files.found()):
            await self.settle(None)
        are = self.files.are_in_force(stats)
        if are is None:
            raise WayLost(self.broken, hint="nothing is changed")
        return are

    async def delete(self) -> None:
        """Take the router away. One that another shared Lease has made since stays."""
        for kind in (DEPLOYMENT, CONFIG_MAP):
            found = await self._seat.cluster.find(kind, self.name, self._seat.namespace)
            if found is not None and owned_by(found, self._seat.shared.owner):
                await self._ensured.remove(kind, found)

    async def _settle(self, own: Share | None, lead: bool) -> list[str]:
        if lead:
            await self._rejoin()
        found = await self._look()
        service = found.services.get(self._seat.service)
        if service is None:
            self.broken = f"service {self._seat.where} was deleted"
            return []
        done = await self._learn(service)
        before = self._redirect.before
        was = self.files.origin_address(found.files)
        made = await self._backends.ensure(service, before, found.services, headless=True, was=was)
        around = SharedService(service, found.router, await self._slices(service))
        self.shares = self._shares.among(found.services.values())
        plan = self._plan(around, with_own(self.shares, own))
        if not self.files.is_newer(found.files, own):
            made += await self.files.write(plan, found.files, found.pods)
            made += await self._run(around, plan, found)
        ready = any(isinstance(verdict(pod), Ready) for pod in found.pods)
        self.broken = "" if ready else NOT_READY
        if lead:
            await self._redirect.lead(service, to_router=ready)
        if not lead:
            return done
        return [*done, *self._remade.told(service, made, found.has, known=bool(done))]

    async def _rejoin(self) -> None:
        """Have the shared Lease again, if somebody has ended or deleted it while we live. A machine
        that wakes up may have been undone itself."""
        seat, known = self._seat, self._seat.shared.record.journal or ()
        if await seat.shared.refresh() is None:
            await seat.lease.check()
            log.info("%s was ended by somebody, and is made again", seat.shared.session.name)
            await seat.shared.join(known)

    async def _look(self) -> Found:
        seat = self._seat
        files = await self.files.found()
        services, router, pods = await asyncio.gather(
            seat.cluster.list(SERVICE, seat.namespace),
            seat.cluster.find(DEPLOYMENT, self.name, seat.namespace),
            self.envoys.pods(),
        )
        by_name = {each["metadata"]["name"]: each for each in services}
        return Found(files, router, by_name, pods)

    async def _learn(self, service: Manifest) -> list[str]:
        if not await self._redirect.learn(service):
            return []
        return [
            f"{who_set_selector(service)} applied service {self._seat.where} anew: its requests "
            f"are shared again; in the end it gets the selector {shown(self._redirect.before)}"
        ]

    async def _slices(self, service: Manifest) -> list[Manifest]:
        """Only names of target ports have to be looked up."""
        ports = service["spec"].get("ports") or ()
        named = any(isinstance(port.get("targetPort"), str) for port in ports)
        return await self._backends.slices() if named else []

    def _plan(self, around: SharedService, shares: tuple[Share, ...]) -> RoutePlan:
        plan = route_plan(around, shares, self._backends.cluster_ip, pods_name(self._seat.service))
        self.envoys.port = admin_port(plan)
        return plan

    async def _run(self, around: SharedService, plan: RoutePlan, found: Found) -> list[str]:
        owner = self._seat.shared.owner
        ports = (AgentPort(p.pod_port, p.protocol, p.name) for p in listens(around.ports))
        if self._lingers is None:
            self._lingers = (await self._seat.cluster.version()).number >= SLEEP_ACTION
        args = tuple(router_args())
        doors = Doors(tuple(ports), ready_port(plan), READY_PATH, args, self._lingers)
        manifest = deployment(
            self._session, self.name, self._pod, doors, self._redirect.ours, [owner]
        )
        if found.router is not None:
            manifest = as_chosen(manifest, found.router)
        _, changed = await self._ensured.there(manifest, owner, found.router)
        return [f"Deployment {self.name}"] if changed else []
