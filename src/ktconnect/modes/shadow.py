"""The agent of a session in the cluster: made, found again, made again if gone, taken away."""

import asyncio
import hashlib
import logging
import math
import secrets
import time
from datetime import UTC, datetime

from ktconnect import names
from ktconnect.errors import Conflict, Forbidden, KtError, TunnelClosed
from ktconnect.kube.client import Cluster
from ktconnect.kube.failures import AlreadyExists, NotFound
from ktconnect.kube.podstate import Ready, created, described, verdict
from ktconnect.kube.portforward import open_pipe
from ktconnect.kube.ready import wait_ready
from ktconnect.kube.watch import uid
from ktconnect.objects import session as leases
from ktconnect.objects.session import LEASE, Manifest, Session
from ktconnect.sessions.lease import Now, SessionLease, server_clock
from ktconnect.tunnel.pipe import Pipe
from ktconnect.wire.hello import token_digest
from ktconnect.wire.spec import AgentSpec

from .agentplan import AgentPlan
from .silence import HUNG, Silence
from .spec import ClusterSpec

log = logging.getLogger(__name__)

DEPLOYMENT = "apps/v1/Deployment"
CONFIG_MAP = "v1/ConfigMap"
SHARED = "kt-connect-shadow-daemon"

YOUNG = 3.0
"""Seconds that an agent gets from when its Pod is ready until it listens: nothing is the matter
with it if it can't be reached meanwhile."""


class Shadow:
    """The agent of one session: of its own, or shared by all of the namespace.

    A shared agent is owned by the Leases of all who use it, so Kubernetes' garbage collector takes
    it away with the last one, and a crashed user does not pin it. Who ``lasts`` makes a deleted
    Lease anew too; for others that is the end, which is theirs to notice. Closes: ``delete``.
    """

    def __init__(
        self, cluster: Cluster, lease: SessionLease, plan: AgentPlan, *, lasts: bool = False
    ) -> None:
        self._cluster = cluster
        self._plan = plan
        self._lasts = lasts
        self._namespace = lease.session.namespace
        self._silence: Silence | None = None
        self._young_until = 0.0
        self._made_at = -math.inf
        self.lease = lease
        self.within = 60.0
        """Seconds that a Pod may take to be ready."""
        self.hung = HUNG
        """Seconds without an answer after which a Pod that is ready is replaced."""

    @property
    def session(self) -> Session:
        return self.lease.session

    @property
    def token(self) -> str:
        return self._plan.token

    @property
    def copies(self) -> bool:
        """Whether what comes from it is a copy, whose answer nobody waits for."""
        return any(listen.copied for listen in self._plan.spec.listens)

    @property
    def name(self) -> str:
        """Of its objects."""
        return self._plan.session.name

    @property
    def selector(self) -> str:
        """Finds its Pods."""
        return f"{names.LABEL_SESSION}={self.name}"

    @property
    def _shared(self) -> bool:
        return self.name == SHARED

    async def create(self) -> None:
        """Make the agent; its Lease is there. Raises: Forbidden, Refused, Unreachable."""
        self._made_at = time.monotonic()
        for kind in (CONFIG_MAP, DEPLOYMENT):
            await self._create_or_join(kind)

    def patience(self, forward: float) -> float:
        """Seconds from now in which its tunnel has to be up: ``forward`` for the port-forward, or
        what is left of the time for its Pod, which has no probe and may not listen yet."""
        return max(forward, self._made_at + self.within - time.monotonic())

    async def ready_pod(self) -> Manifest:
        """Wait for a Pod of the agent that is ready.

        Raises: Refused with Kubernetes' reason as soon as it is clear that there will be none.
        """
        pod = await self._wait_ready()
        self._young_until = time.monotonic() + YOUNG
        return pod

    async def _wait_ready(self) -> Manifest:
        return await wait_ready(
            self._cluster, self._namespace, self.selector, deployment=self.name, within=self.within
        )

    async def open_pipe(self) -> Pipe:
        """A new pipe to the agent, wherever it runs now. Raises: TunnelClosed if it doesn't."""
        pods = await self._cluster.list("v1/Pod", self._namespace, labels=self.selector)
        ready = [pod for pod in pods if isinstance(verdict(pod), Ready)]
        if not ready:
            self._young_until = 0.0
            state = described(verdict(max(pods, key=created))) if pods else "there is none"
            raise TunnelClosed(f"the agent's Pod is not ready: {state}")
        newest = max(ready, key=created)
        return await open_pipe(
            self._cluster, self._namespace, newest["metadata"]["name"], self._plan.spec.port
        )

    async def revive(self, reason: str) -> None:
        """The agent can't be reached: make anew what was deleted, and wait until it runs.

        One that runs and answers nobody for a minute has hung, and is replaced. One that has only
        just been waited for may be about to listen: it is left to it.
        """
        if time.monotonic() < self._young_until:
            return
        log.info("the agent can't be reached: %s", reason)
        before, self._silence = self._silence, None  # what fails here says nothing of the Pod
        await self._ensure_exists()
        pod = await self._wait_ready()
        self._silence = Silence.goes_on(uid(pod), time.monotonic(), before)
        if self._silence.seconds >= self.hung:
            await self._replace(pod)

    async def _replace(self, pod: Manifest) -> None:
        """End one that hangs; by its Deployment, where Pods may not be deleted."""
        log.warning("the agent's Pod %s hangs and is replaced", pod["metadata"]["name"])
        self._silence = None
        try:
            name = pod["metadata"]["name"]
            await self._cluster.delete("v1/Pod", name, self._namespace, uid=uid(pod))
        except Forbidden:
            if self._shared:
                raise
            await self._cluster.delete(DEPLOYMENT, self.name, self._namespace)
            await self._ensure_exists()
        await self._wait_ready()

    async def keep_alive(self, every: float = leases.RENEW_SECONDS) -> None:
        """Renew the Lease until cancelled. A cluster out of reach is not a reason to give up."""
        while True:
            await asyncio.sleep(every)
            try:
                await self.renew()
            except KtError as error:
                log.debug("the lease was not renewed: %s", error)

    async def is_there(self) -> bool:
        """Whether a Pod of the agent is ready and stays. Raises: as `Cluster.list`."""
        pods = await self._cluster.list("v1/Pod", self._namespace, labels=self.selector)
        staying = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
        return any(isinstance(verdict(pod), Ready) for pod in staying)

    async def delete(self) -> None:
        """Take away what is this session's alone. What someone deleted already is no error."""
        if not self._shared:
            await self._cluster.delete(DEPLOYMENT, self.name, self._namespace)
            await self._cluster.delete(CONFIG_MAP, self.name, self._namespace)
        await self.lease.delete()

    async def renew(self) -> None:
        """Say that we are alive; make anew what someone deleted. Raises: KtError."""
        try:
            await self.lease.renew()
        except (NotFound, Conflict):
            await self._ensure_exists()

    async def _ensure_exists(self) -> None:
        if self._lasts and not await self._has_lease():
            await self.lease.create()
        for kind in (CONFIG_MAP, DEPLOYMENT):
            if await self._cluster.find(kind, self.name, self._namespace) is None:
                log.info("the agent's %s is gone from the cluster, making it anew", kind)
                await self._create_or_join(kind)

    async def _has_lease(self) -> bool:
        return await self._cluster.find(LEASE, self.session.name, self._namespace) is not None

    async def _create_or_join(self, kind: str) -> None:
        owner = self.lease.owner
        make = self._plan.config_map if kind == CONFIG_MAP else self._plan.deployment
        try:
            await self._cluster.create(make(owner))
        except AlreadyExists:
            await self._check_joinable(kind)
            join = [{"op": "add", "path": "/metadata/ownerReferences/-", "value": owner}]
            await self._cluster.patch(kind, self.name, join, self._namespace)

    async def _check_joinable(self, kind: str) -> None:
        """KT Connect's own shared shadow has the same name, and another program in it."""
        found = await self._cluster.find(kind, self.name, self._namespace)
        labels = found["metadata"].get("labels") or {} if found else {}
        if found and labels.get(names.LABEL_SESSION) != self.name:
            raise Conflict(
                f"{self.name} in namespace {self._namespace} is another program's",
                hint="leave out --shareShadow, or wait until KT Connect's users of it are gone",
            )


def connect_shadow(
    cluster: Cluster, session: Session, spec: ClusterSpec, *, shared: bool
) -> Shadow:
    """The Lease and the agent of a `connect`: of its own, or the one that all share."""
    agent = Session(SHARED, session.namespace, session.role, session.holder) if shared else session
    token = _token(session, shared)
    plan = AgentPlan(agent, spec.agent, AgentSpec(token_digest(token)), token)
    lease = SessionLease(cluster, session, {"mode": "connect"}, now=clock(cluster, spec))
    shadow = Shadow(cluster, lease, plan, lasts=True)
    shadow.within = spec.pod_creation_timeout
    return shadow


def clock(cluster: Cluster, spec: ClusterSpec) -> Now:
    """Tells the time by the server's clock, unless the user trusts the laptop's."""
    return _local_time if spec.use_local_time else server_clock(cluster)


async def _local_time() -> datetime:
    return datetime.now(UTC)


def _token(session: Session, shared: bool) -> str:
    """A shared agent's token must be known to all: its door is then the right to port-forward."""
    if shared:
        return hashlib.sha256(f"{session.namespace}/{SHARED}".encode()).hexdigest()
    return secrets.token_hex(32)
