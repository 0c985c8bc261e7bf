"""The agent of a session in the cluster: made, found again, made again if gone, taken away."""

import asyncio
import hashlib
import logging
import secrets
import string
from datetime import UTC, datetime

from ktconnect import names
from ktconnect.errors import Conflict, KtError, TunnelClosed
from ktconnect.kube.client import Cluster
from ktconnect.kube.failures import AlreadyExists, NotFound
from ktconnect.kube.podstate import Ready, verdict
from ktconnect.kube.portforward import open_pipe
from ktconnect.kube.ready import wait_ready
from ktconnect.objects import session as leases
from ktconnect.objects.agent import AgentPod, config_map, deployment
from ktconnect.objects.session import Manifest, Session
from ktconnect.tunnel.pipe import Pipe
from ktconnect.wire.hello import token_digest
from ktconnect.wire.spec import AgentSpec

from .bundle import agent_bundle
from .spec import ClusterSpec

log = logging.getLogger(__name__)

LEASE = "coordination.k8s.io/v1/Lease"
DEPLOYMENT = "apps/v1/Deployment"
CONFIG_MAP = "v1/ConfigMap"
SHARED = "kt-connect-shadow-daemon"


def new_name(prefix: str) -> str:
    """``prefix`` and five random letters, as KT Connect names its objects."""
    return f"{prefix}-{''.join(secrets.choice(string.ascii_lowercase) for _ in range(5))}"


class Shadow:
    """One session's Lease and its agent: of its own, or shared by all of the namespace.

    A shared agent is owned by the Leases of all who use it, so Kubernetes' garbage collector takes
    it away with the last one, and a crashed user does not pin it. Closes: ``delete``.
    """

    def __init__(
        self, cluster: Cluster, session: Session, spec: ClusterSpec, *, shared: bool
    ) -> None:
        self._cluster = cluster
        self._spec = spec
        self._shared = shared
        self.session = session
        self.agent = _agent_session(session, shared)
        self.token = _token(session, shared)
        self._config: dict[str, str] = {}
        self._lease: Manifest | None = None

    @property
    def _selector(self) -> str:
        return f"{names.LABEL_SESSION}={self.agent.name}"

    async def server_time(self) -> datetime:
        """Now, by the server's clock unless the user trusts the laptop's."""
        if self._spec.use_local_time:
            return datetime.now(UTC)
        return datetime.fromtimestamp(await self._cluster.server_time(), UTC)

    async def create(self, config: dict[str, str]) -> None:
        """Make the Lease, then everything it owns. Raises: Forbidden, Refused, Unreachable."""
        self._config = config
        await self._create_lease()
        for kind in (CONFIG_MAP, DEPLOYMENT):
            await self._create_or_join(kind)

    async def ready_pod(self) -> Manifest:
        """Wait for a Pod of the agent that is ready.

        Raises: Refused with Kubernetes' reason as soon as it is clear that there will be none.
        """
        return await wait_ready(
            self._cluster,
            self.session.namespace,
            self._selector,
            deployment=self.agent.name,
            within=self._spec.pod_creation_timeout,
        )

    async def open_pipe(self) -> Pipe:
        """A new pipe to the agent, wherever it runs now. Raises: TunnelClosed if it doesn't."""
        namespace = self.session.namespace
        pods = await self._cluster.list("v1/Pod", namespace, labels=self._selector)
        ready = [pod for pod in pods if isinstance(verdict(pod), Ready)]
        if not ready:
            raise TunnelClosed("the agent's Pod is not ready")
        newest = max(ready, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))
        return await open_pipe(
            self._cluster, namespace, newest["metadata"]["name"], names.AGENT_PORT
        )

    async def revive(self, reason: str) -> None:
        """The agent can't be reached: make anew what was deleted, and wait until it runs."""
        log.info("the agent can't be reached: %s", reason)
        await self._ensure_exists()
        await self.ready_pod()

    async def keep_alive(self, every: float = leases.RENEW_SECONDS) -> None:
        """Renew the Lease until cancelled. A cluster out of reach is not a reason to give up."""
        while True:
            await asyncio.sleep(every)
            try:
                await self.renew()
            except KtError as error:
                log.debug("the lease was not renewed: %s", error)

    async def delete(self) -> None:
        """Take away what is this session's alone. What someone deleted already is no error."""
        namespace = self.session.namespace
        if not self._shared:
            await self._cluster.delete(DEPLOYMENT, self.agent.name, namespace)
            await self._cluster.delete(CONFIG_MAP, self.agent.name, namespace)
        await self._cluster.delete(LEASE, self.session.name, namespace)

    async def renew(self) -> None:
        """Say that we are alive; make anew what someone deleted. Raises: KtError."""
        patch = leases.renewal(await self.server_time())
        try:
            await self._cluster.patch(LEASE, self.session.name, patch, self.session.namespace)
        except NotFound:
            await self._ensure_exists()

    async def _ensure_exists(self) -> None:
        namespace = self.session.namespace
        if await self._cluster.find(LEASE, self.session.name, namespace) is None:
            await self._create_lease()
        for kind in (CONFIG_MAP, DEPLOYMENT):
            if await self._cluster.find(kind, self.agent.name, namespace) is None:
                log.info("the agent's %s is gone from the cluster, making it anew", kind)
                await self._create_or_join(kind)

    async def _create_lease(self) -> None:
        lease = leases.lease(self.session, await self.server_time(), self._config)
        self._lease = await self._cluster.create(lease)

    async def _create_or_join(self, kind: str) -> None:
        assert self._lease is not None, "create() makes the lease first"
        owner = leases.owner(self._lease)
        try:
            await self._cluster.create(self._manifest(kind, owner))
        except AlreadyExists:
            await self._check_joinable(kind)
            join = [{"op": "add", "path": "/metadata/ownerReferences/-", "value": owner}]
            await self._cluster.patch(kind, self.agent.name, join, self.session.namespace)

    def _manifest(self, kind: str, owner: Manifest) -> Manifest:
        if kind == CONFIG_MAP:
            return config_map(self.agent, agent_bundle(), [owner])
        return deployment(self.agent, self._agent_pod(), [owner])

    async def _check_joinable(self, kind: str) -> None:
        """KT Connect's own shared shadow has the same name, and another program in it."""
        found = await self._cluster.find(kind, self.agent.name, self.session.namespace)
        labels = found["metadata"].get("labels") or {} if found else {}
        if found and labels.get(names.LABEL_SESSION) != self.agent.name:
            raise Conflict(
                f"{self.agent.name} in namespace {self.session.namespace} is another program's",
                hint="leave out --shareShadow, or wait until KT Connect's users of it are gone",
            )

    def _agent_pod(self) -> AgentPod:
        orders = AgentSpec(token_digest(self.token), names.AGENT_PORT)
        return self._spec.agent.with_args(orders.to_argv())


def _agent_session(session: Session, shared: bool) -> Session:
    if not shared:
        return session
    return Session(SHARED, session.namespace, session.role, session.holder)


def _token(session: Session, shared: bool) -> str:
    """A shared agent's token must be known to all: its door is then the right to port-forward."""
    if shared:
        return hashlib.sha256(f"{session.namespace}/{SHARED}".encode()).hexdigest()
    return secrets.token_hex(32)
