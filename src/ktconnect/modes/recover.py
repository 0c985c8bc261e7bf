"""`ktctl recover`: give Services and workloads back to their own Pods."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ktconnect.apply.rehearsal import Step
from ktconnect.errors import Conflict, UsageError
from ktconnect.kube.backend import KubeBackend
from ktconnect.kube.client import Cluster
from ktconnect.kube.paths import VIRTUAL_SERVICE, split_key
from ktconnect.objects.session import Record
from ktconnect.sessions.holders import Taken, called, is_shared
from ktconnect.sessions.lease import server_clock, sessions
from ktconnect.sessions.legacy import Findings, decide
from ktconnect.sessions.legacy_repair import Looked, carry_out, look
from ktconnect.sessions.legacy_seen import (
    CONFIG_MAP,
    DEPLOYMENT,
    POD,
    SELECTOR,
    SERVICE,
    leads_to_them,
    notes_of,
)
from ktconnect.sessions.orphan import is_orphan, way_back
from ktconnect.sessions.taken import end_all

from .clean import hidden, rehearse_repairs, rehearse_session
from .cluster import check_namespace, open_cluster, owned_by_user
from .report import Reporter
from .spec import ClusterSpec
from .taking import taker_of


@dataclass(frozen=True, slots=True)
class RecoverSpec:
    """One ``ktctl recover``; names may have a kind in front (``deployment/web``)."""

    cluster: ClusterSpec = field(default_factory=ClusterSpec)
    names: tuple[str, ...] = ()
    dry_run: bool = False
    takeover: bool = False


async def run(spec: RecoverSpec, reporter: Reporter) -> None:
    """Recover each of them. Raises: KtError."""
    owned_by_user()
    async with open_cluster(spec.cluster) as cluster:
        namespace = spec.cluster.namespace or cluster.namespace
        for name in spec.names:
            await recover(cluster, namespace, name.rpartition("/")[2], spec, reporter)


async def recover(
    cluster: Cluster, namespace: str, name: str, spec: RecoverSpec, reporter: Reporter
) -> None:
    """Undo all that was done to one name, by whomever.

    Raises: Taken for a session that is alive; UsageError if there is no such name or namespace.
    """
    held = [each for each in await sessions(cluster, namespace) if concerns(each, name)]
    await _end_sessions(cluster, held, spec, reporter)
    place = await look(cluster, namespace, force=spec.takeover)
    findings = decide(place.seen, name)
    if spec.dry_run:
        rehearse_repairs(namespace, findings.repairs, reporter)
    else:
        for line in await carry_out(cluster, namespace, findings.repairs):
            reporter.note(line)
    orphan = None if held else _orphan(place, name)
    if orphan is not None:
        await _adopt(cluster, name, orphan, spec, reporter)
    found = bool(held or findings.repairs or orphan)
    if not (found or place.seen.of(SERVICE)):
        await check_namespace(cluster, namespace)
    _tell(place, name, findings, reporter, found=found)
    if held and not spec.dry_run:
        left = [each for each in await sessions(cluster, namespace) if concerns(each, name)]
        reporter.note(given_back(name, left))


def given_back(name: str, left: Sequence[Record]) -> str:
    """What came of it, in a line for a person; ``left``: who has the name now."""
    if not left:
        return f"done: {name} is given back, no session has it any more"
    return f"{name} is held again, by {', '.join(sorted(called(each) for each in left))}"


def concerns(record: Record, name: str) -> bool:
    """Whether a session took this Service or workload, or changed it."""
    keys = (split_key(entry.key.partition("#")[0]) for entry in record.journal or ())
    taken = record.mode != "forward" and record.target.rpartition("/")[2] == name
    return taken or any(key.name == name and key.kind != VIRTUAL_SERVICE for key in keys)


async def _end_sessions(
    cluster: Cluster, held: Sequence[Record], spec: RecoverSpec, reporter: Reporter
) -> None:
    taker = taker_of(cluster, reporter, takeover=spec.takeover)
    if not spec.dry_run:
        await end_all(cluster, held, replace(taker, patient=True))
        return
    now = await server_clock(cluster)()
    living = [each for each in held if taker.finds_alive(each, now) and not is_shared(each)]
    if living and not spec.takeover:
        raise Taken(living[0], now, *living[1:])
    for record in held:
        await rehearse_session(cluster, record, reporter)


def _orphan(place: Looked, name: str) -> Step | str | None:
    """How a Service comes back whose session nobody knows any more; words if it can't."""
    for service in place.seen.of(SERVICE):
        if service["metadata"]["name"] == name and is_orphan(service):
            return way_back(service) or (
                f"Service {name} leads to a session that is no more, and its own selector is kept "
                "nowhere: apply its manifest anew"
            )
    return None


async def _adopt(
    cluster: Cluster, name: str, orphan: Step | str, spec: RecoverSpec, reporter: Reporter
) -> None:
    if isinstance(orphan, str):
        raise Conflict(orphan, hint="its Deployment's template has the labels that it selects")
    if spec.dry_run:
        reporter.would_change(orphan.key, orphan.before, orphan.after)
        return
    await KubeBackend(cluster).write(orphan.key, orphan.after, expected=orphan.before)
    reporter.note(f"restored {orphan.key}, as {name} was applied last")


def _missed(place: Looked, name: str, *, found: bool) -> tuple[str, ...]:
    """The kinds that had to be seen to know whether KT Connect has taken it: its marks on a Service
    tell that of the Service."""
    for service in place.seen.of(SERVICE):
        if service["metadata"]["name"] == name:
            marked = SELECTOR in notes_of(service) or leads_to_them(service)
            return tuple(kind for kind in place.hidden if marked and kind in (POD, DEPLOYMENT))
    return () if found else tuple(kind for kind in place.hidden if kind != CONFIG_MAP)


def _tell(place: Looked, name: str, findings: Findings, reporter: Reporter, *, found: bool) -> None:
    for line in hidden(_missed(place, name, found=found)):
        reporter.note(line)
    if findings.notes and not found:
        raise Conflict("; ".join(findings.notes), hint="--takeover ends what is alive, too")
    known = {
        each["metadata"]["name"] for kind in (SERVICE, DEPLOYMENT) for each in place.seen.of(kind)
    }
    if found:
        return
    if name not in known and not place.hidden:
        raise UsageError(
            f"there is no Service or Deployment {name} in namespace {place.seen.namespace}",
            hint="`ktctl birdseye` shows what there is, and who has it",
        )
    reporter.note(f"{name} is neither exchanged nor meshed")
