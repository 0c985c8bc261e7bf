"""`ktctl setup`: once per namespace, the account with which agents undo sessions by themselves."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from ktconnect.apply.change import Backend
from ktconnect.apply.rehearsal import Rehearsal
from ktconnect.errors import Forbidden, UsageError
from ktconnect.kube.backend import KubeBackend, Live
from ktconnect.kube.client import Cluster
from ktconnect.kube.failures import NotFound
from ktconnect.kube.paths import Resource, kind_of
from ktconnect.kube.scalable import scalable_word
from ktconnect.objects.rights import AGENT_GUARD_ISTIO, ISTIO, SETUP, Right
from ktconnect.objects.session import Manifest
from ktconnect.objects.setup import (
    ACCOUNT,
    ROLE,
    SERVICE_ACCOUNT,
    manifests,
    more_of,
    scale_rights,
)

from .cluster import asked, open_cluster, owned_by_user, require
from .report import Reporter
from .spec import ClusterSpec

log = logging.getLogger(__name__)

Scales = Mapping[str, tuple[Right, ...]]
"""Rights to scale, under the kind as kubectl says it."""


@dataclass(frozen=True, slots=True)
class SetupSpec:
    """One ``ktctl setup``."""

    cluster: ClusterSpec = field(default_factory=ClusterSpec)
    remove: bool = False
    dry_run: bool = False
    scalable: tuple[str, ...] = ()
    """Kinds that agents may scale back besides those that Kubernetes itself has, as kubectl says
    them: ``rollouts.argoproj.io``."""


async def run(spec: SetupSpec, reporter: Reporter) -> None:
    """Make what is missing or out of date, or take it away. Raises: KtError."""
    owned_by_user()
    async with open_cluster(spec.cluster) as cluster:
        namespace = spec.cluster.namespace or cluster.namespace
        await set_up(cluster, namespace, spec, reporter)


async def set_up(cluster: Cluster, namespace: str, spec: SetupSpec, reporter: Reporter) -> None:
    """As `run`, in an open cluster. Raises: Forbidden before anything is changed, Conflict."""
    scales = await _all_scales(cluster, spec)
    if not spec.dry_run:
        await _required(cluster, namespace, scales)
    backend = KubeBackend(cluster)
    rehearsal = Rehearsal(backend)
    target: Backend = rehearsal if spec.dry_run else backend
    more = () if spec.remove else await _more(cluster, namespace, scales)
    wanted = manifests(namespace, more)
    changed = [
        await _settle(target, each, reporter, remove=spec.remove)
        for each in (reversed(wanted) if spec.remove else wanted)
    ]
    for step in rehearsal.steps:
        if step.before is None:
            reporter.would_create(step.after or {})
        else:
            reporter.would_change(step.key, step.before, step.after)
    if not any(changed):
        reporter.note(f"nothing to change in namespace {namespace}")
    elif not (spec.remove or spec.dry_run):
        reporter.note(
            f"from now on, agents in namespace {namespace} undo a session whose laptop is gone"
        )


async def _required(cluster: Cluster, namespace: str, scales: Scales) -> None:
    """Raises: Forbidden naming all that is missing: whoever makes a Role must have the rights that
    it gives, but for those that it gives already."""
    held = await _held(cluster, namespace)
    added = [right for right in _rights_of(scales) if right not in held]
    flags = "".join(f" --scalable {kind}" for kind in scales)
    await require(cluster, namespace, (*SETUP, *added), f"setup{flags}")


async def _held(cluster: Cluster, namespace: str) -> tuple[Right, ...]:
    """What somebody has given to agents already; nothing if that can't be seen."""
    try:
        return more_of(await cluster.find(ROLE, ACCOUNT, namespace))
    except Forbidden:
        return ()


def _rights_of(scales: Scales) -> tuple[Right, ...]:
    return tuple(right for rights in scales.values() for right in rights)


async def _more(cluster: Cluster, namespace: str, scales: Scales) -> tuple[Right, ...]:
    """What agents are to have besides: what somebody has given them already, the kinds that are
    asked for, and routes of Istio. Raises: Forbidden."""
    held = more_of(await cluster.find(ROLE, ACCOUNT, namespace))
    routes = await _routes(cluster, namespace)
    return (*held, *_rights_of(scales), *routes)


async def _all_scales(cluster: Cluster, spec: SetupSpec) -> Scales:
    """The rights on the kinds that are asked for. Raises: UsageError."""
    found = [await _scalable(cluster, word) for word in spec.scalable]
    return {f"{each.plural}.{each.group}": scale_rights(each.group, each.plural) for each in found}


async def _scalable(cluster: Cluster, word: str) -> Resource:
    found = await scalable_word(cluster, word)
    if found is None:
        raise UsageError(
            f"the cluster has no kind {word} that can be scaled",
            hint="name it as kubectl does, for example rollouts.argoproj.io",
        )
    return found


async def _routes(cluster: Cluster, namespace: str) -> tuple[Right, ...]:
    """The right to take routes of Istio away: where there are any, if we may give that."""
    try:
        await cluster.served(f"/apis/{ISTIO}/v1")
    except (NotFound, Forbidden):
        return ()
    missing = await cluster.allowed(asked(namespace, AGENT_GUARD_ISTIO))
    return () if missing else AGENT_GUARD_ISTIO


async def _settle(target: Backend, wanted: Manifest, reporter: Reporter, *, remove: bool) -> bool:
    """Bring one object to what is wanted; whether that was any work."""
    metadata = wanted["metadata"]
    key = f"{kind_of(wanted)}/{metadata['namespace']}/{metadata['name']}"
    now = await target.read(key)
    if now == (None if remove else wanted):
        return False
    if remove and isinstance(now, Live) and not now.digest:
        reporter.warn(f"{key} was not made by ktctl, and is left")
        return False
    await target.write(key, None if remove else wanted, expected=now)
    if not isinstance(target, Rehearsal):
        reporter.note(f"{'deleted' if remove else 'made' if now is None else 'updated'} {key}")
    return True


async def agent_account(cluster: Cluster, namespace: str) -> str:
    """The ServiceAccount with which an agent may undo its session; "" if there is none.

    Raises: Unreachable.
    """
    try:
        found = await cluster.find(SERVICE_ACCOUNT, ACCOUNT, namespace)
    except Forbidden as error:
        log.debug("it is not known whether agents have an account: %s", error)
        return ""
    return ACCOUNT if found else ""
