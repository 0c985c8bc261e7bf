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

from ktconnect.errors import Conflict, Refused
from ktconnect.kube.failures import NotFound
from ktconnect.kube.podstate import Ready, verdict
from ktconnect.modes.exchange.selector import shown, who_set_selector
from ktconnect.modes.serving.way import WayLost
from ktconnect.modes.targets import SERVICE
from ktconnect.objects.agent import AgentPort
from ktconnect.objects.ports import listens
from ktconnect.objects.router import (
    RENDERED,
    REVISION,
    Doors,
    RouterPod,
    as_chosen,
    config_map,
    deployment,
    pods_name,
    router_name,
)
from ktconnect.objects.session import Manifest
from ktconnect.rules.envoy import (
    READY_PATH,
    RENDERING,
    admin_port,
    in_force,
    origin_address_of,
    ready_port,
    rejected,
    revision_of,
    router_args,
    router_files,
)
from ktconnect.rules.model import Share
from ktconnect.rules.plan import RoutePlan
from ktconnect.sessions.lease import Over
from ktconnect.sessions.shared import shared_session

from .backends import Backends
from .driver import Place
from .ensure import Ensured, NotOurs, owned_by
from .envoys import Envoys, Stats
from .redirect import Redirect
from .remade import Remade
from .routeplan import Around, route_plan
from .shares import Shares, with_own

log = logging.getLogger(__name__)

DEPLOYMENT: Final = "apps/v1/Deployment"
CONFIG_MAP: Final = "v1/ConfigMap"
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
        place: Place,
        backends: Backends,
        redirect: Redirect,
        shares: Shares,
        pod: RouterPod,
    ) -> None:
        self.name = router_name(place.service)
        self.envoys = Envoys(place.cluster, place.namespace, self.name)
        self.broken = ""
        """Why requests are not told apart; empty while they are."""
        self._place = place
        self._backends = backends
        self._redirect = redirect
        self._shares = shares
        self._pod = pod
        self._ensured = Ensured(place.cluster)
        self._session = shared_session(place.service, place.namespace)
        self._at_a_time = asyncio.Lock()
        self._routes: RoutePlan | None = None
        self._files: dict[str, str] | None = None
        self._hurries = 0
        self._lingers: bool | None = None
        self._remade = Remade(place.where)
        self.refused: tuple[str, ...] = ()
        """Which kinds of its files the Pod that was asked last has ever refused."""
        self.shares: tuple[Share, ...] = ()
        """What the cluster held when it was looked at last."""
        self.fresh = False
        """Whether the files have just changed, so that `hurry` may be of use."""

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
                    log.debug("%s: %s", self._place.where, error)
                await asyncio.sleep(AGAIN)
        raise Conflict(
            f"the router of {self._place.where} keeps changing under our feet", hint="try again"
        )

    async def is_in_force(self, stats: Stats) -> bool:
        """Whether a Pod that tells these statistics works by what the ConfigMap says now. Others
        may change that at any time; our own share stays in it. Raises: WayLost if the Service was
        deleted before there was anything to say."""
        found = await self._place.cluster.find(CONFIG_MAP, self.name, self._place.namespace)
        notes = found["metadata"].get("annotations") or {} if found else {}
        if self._files is None or notes.get(REVISION) != revision_of(self._files):
            await self.settle(None)
        if self._routes is None or self._files is None:
            raise WayLost(self.broken, hint="nothing is changed")
        self.refused = rejected(stats)
        return in_force(stats, self._routes, revision_of(self._files))

    async def hurry(self) -> None:
        """Have the nodes look again: one that looked before it had heard of the new files took the
        old ones, and would come back to them only within a minute or two."""
        self._hurries += 1
        if self._files is not None:
            word = f"{revision_of(self._files)}.{self._hurries}"
            await self.envoys.refresh(await self.envoys.pods(), word)

    async def delete(self) -> None:
        """Take the router away. One that another shared Lease has made since stays."""
        for kind in (DEPLOYMENT, CONFIG_MAP):
            found = await self._place.cluster.find(kind, self.name, self._place.namespace)
            if found is not None and owned_by(found, self._place.shared.owner):
                await self._ensured.remove(kind, found)

    async def _settle(self, own: Share | None, lead: bool) -> list[str]:
        if lead:
            await self._rejoin()
        found = await self._look()
        service = found.services.get(self._place.service)
        if service is None:
            self.broken = f"service {self._place.where} was deleted"
            return []
        done = await self._learn(service)
        before = self._redirect.before
        made = await self._backends.ensure(
            service, before, found.services, headless=True, was=self._said(found)
        )
        around = Around(service, found.router, await self._slices(service))
        self.shares = self._shares.among(found.services.values())
        plan = self._plan(around, with_own(self.shares, own))
        if not self._is_newer(found, own):
            made += await self._write(plan, found)
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
        place, known = self._place, self._place.shared.record.journal or ()
        if await place.shared.refresh() is None:
            await place.lease.check()
            log.info("%s was ended by somebody, and is made again", place.shared.session.name)
            await place.shared.join(known)

    async def _look(self) -> Found:
        place = self._place
        files = await place.cluster.find(CONFIG_MAP, self.name, place.namespace)
        services, router, pods = await asyncio.gather(
            place.cluster.list(SERVICE, place.namespace),
            place.cluster.find(DEPLOYMENT, self.name, place.namespace),
            self.envoys.pods(),
        )
        by_name = {each["metadata"]["name"]: each for each in services}
        return Found(files, router, by_name, pods)

    def _said(self, found: Found) -> str:
        """The origin's address, as the others' files have it: their agents go there."""
        if found.files is None or not owned_by(found.files, self._place.shared.owner):
            return ""
        return origin_address_of(found.files.get("data") or {})

    async def _learn(self, service: Manifest) -> list[str]:
        if not await self._redirect.learn(service):
            return []
        return [
            f"{who_set_selector(service)} applied service {self._place.where} anew: its requests "
            f"are shared again; in the end it gets the selector {shown(self._redirect.before)}"
        ]

    async def _slices(self, service: Manifest) -> list[Manifest]:
        """Only names of target ports have to be looked up."""
        ports = service["spec"].get("ports") or ()
        named = any(isinstance(port.get("targetPort"), str) for port in ports)
        return await self._backends.slices() if named else []

    def _plan(self, around: Around, shares: tuple[Share, ...]) -> RoutePlan:
        plan = route_plan(around, shares, self._backends.cluster_ip, pods_name(self._place.service))
        self.envoys.port = admin_port(plan)
        return plan

    def _is_newer(self, found: Found, own: Share | None) -> bool:
        """Whether a newer ktctl renders the files: two that do it in turn would have the router
        start anew for ever. Raises: Refused for who wants to be put in."""
        if found.files is None or not owned_by(found.files, self._place.shared.owner):
            return False
        said = str((found.files["metadata"].get("annotations") or {}).get(RENDERED, ""))
        if not said.isdecimal() or int(said) <= RENDERING:
            return False
        if own is not None:
            raise Refused(
                f"the router of {self._place.where} is kept by a newer ktctl, whose rules this "
                "one can't write",
                hint="update ktctl",
            )
        return True

    async def _write(self, plan: RoutePlan, found: Found) -> list[str]:
        """The ConfigMap, and the word to the nodes that it has changed."""
        owner, files = self._place.shared.owner, router_files(plan)
        told = revision_of(files)
        self._routes, self._files = plan, files
        manifest = config_map(self._session, self.name, files, [owner])
        manifest["metadata"]["annotations"] |= {REVISION: told, RENDERED: str(RENDERING)}
        _, changed = await self._ensured.there(manifest, owner, found.files, tries=1)
        self.fresh = changed
        if changed:
            await self.envoys.refresh(found.pods, told)
        return [f"ConfigMap {self.name}"] if changed and found.files is None else []

    async def _run(self, around: Around, plan: RoutePlan, found: Found) -> list[str]:
        owner = self._place.shared.owner
        ports = (AgentPort(p.pod_port, p.protocol, p.name) for p in listens(around.ports))
        if self._lingers is None:
            self._lingers = (await self._place.cluster.version()).number >= SLEEP_ACTION
        args = tuple(router_args())
        doors = Doors(tuple(ports), ready_port(plan), READY_PATH, args, self._lingers)
        manifest = deployment(
            self._session, self.name, self._pod, doors, self._redirect.ours, [owner]
        )
        if found.router is not None:
            manifest = as_chosen(manifest, found.router)
        _, changed = await self._ensured.there(manifest, owner, found.router)
        return [f"Deployment {self.name}"] if changed else []
