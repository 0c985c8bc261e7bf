"""`ktctl clean`: undo what dead sessions left; what is alive is never touched."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from ktconnect.background.process import processes
from ktconnect.errors import Conflict, Forbidden, KtError
from ktconnect.host.remote import open_door, open_helper
from ktconnect.kube.client import Cluster
from ktconnect.kube.failures import Unauthorized
from ktconnect.objects.session import LEASE, Record, record_of
from ktconnect.sessions.dead import dead_sessions, left_behind
from ktconnect.sessions.holders import called
from ktconnect.sessions.lease import server_clock, sessions
from ktconnect.sessions.legacy import Repair, decide
from ktconnect.sessions.legacy_repair import carry_out, look, look_everywhere
from ktconnect.sessions.overdue import told_alive, told_overdue
from ktconnect.sessions.restore import Outcome, awaited, planned, restore
from ktconnect.sessions.taken import told

from .cluster import check_namespace, holder, open_cluster, owned_by_user
from .local import Remains, remains
from .report import Reporter
from .spec import ClusterSpec

WHAT = {"v1/Service": "Services", "v1/Pod": "Pods", "v1/ConfigMap": "ConfigMaps"}


@dataclass(frozen=True, slots=True)
class CleanSpec:
    """One ``ktctl clean``."""

    cluster: ClusterSpec = field(default_factory=ClusterSpec)
    threshold_minutes: int = 1
    dry_run: bool = False
    local_only: bool = False
    all_namespaces: bool = False
    patient: bool = False
    """Whether calls that go on through a router are waited for before it is taken away."""

    @property
    def silence(self) -> timedelta:
        """How long a session must have been silent, if it may not be silent for longer."""
        return timedelta(minutes=self.threshold_minutes)


async def run(spec: CleanSpec, reporter: Reporter) -> None:
    """Clean this machine (as root), then the namespace.

    Raises: KtError; also, after all that could be done, for what could not.
    """
    if not spec.dry_run:
        processes()  # looking at those that run removes the files of those that don't
    if os.geteuid() == 0:
        await _clean_host(spec, reporter)
    else:
        reporter.note("routes and names of this machine are looked at with sudo only")
    if spec.local_only:
        return
    async with open_cluster(spec.cluster) as cluster:
        own = spec.cluster.namespace or cluster.namespace
        await clean_all(cluster, "" if spec.all_namespaces else own, spec, reporter)


async def clean_all(cluster: Cluster, namespace: str, spec: CleanSpec, reporter: Reporter) -> None:
    """Clean a namespace ("": all) of dead sessions, of ours and of KT Connect.

    Raises: UsageError for a namespace that isn't there; KtError after all that could be done, for
    what could not.
    """
    failed: list[KtError] = []
    found = await clean_cluster(cluster, namespace, spec, reporter, failed)
    found += await clean_legacy(cluster, namespace, spec, reporter)
    if namespace and not found:
        await check_namespace(cluster, namespace)
    if not found:
        where = f"namespace {namespace}" if namespace else "any namespace"
        reporter.note(f"nothing to clean in {where}")
    await _tell_left(cluster, namespace, spec, reporter, found=bool(found))
    if failed:
        raise failed[0]


async def _tell_left(
    cluster: Cluster, namespace: str, spec: CleanSpec, reporter: Reporter, *, found: bool
) -> None:
    """Say which sessions may be dead, but not for certain."""
    own = {remain.uid for remain in remains(cluster.config.server)}  # known, and told, to be dead
    records = [each for each in await sessions(cluster, namespace) if each.uid not in own]
    now = await server_clock(cluster)()
    for line in told_overdue(records, now, spec.silence):
        reporter.note(line)
    alive = told_alive(records, now, spec.silence)
    if alive and not found:
        reporter.note(alive)


async def clean_cluster(
    cluster: Cluster,
    namespace: str,
    spec: CleanSpec,
    reporter: Reporter,
    failed: list[KtError] | None = None,
) -> int:
    """Undo dead sessions of a namespace ("": of all), and those of this machine wherever they are.

    Returns how many; ``failed`` takes why some of them could not be undone.
    Raises: Forbidden, Unreachable if it can't be known which are dead.
    """
    own = await _own_remains(cluster, reporter, dry_run=spec.dry_run)
    uids = {record.uid for _, record in own}
    found = await dead_sessions(cluster, namespace, gone=uids, silence=spec.silence)
    listed = {record.uid for record in found}
    dead = [*(record for _, record in own if record.uid not in listed), *found]
    if spec.dry_run:
        for record in dead:
            await rehearse_session(cluster, record, reporter)
        return len(dead)
    outcomes = await _restored(cluster, dead, spec, reporter)
    outcomes += await _restored(cluster, await left_behind(cluster, dead, uids), spec, reporter)
    for line in (line for outcome in outcomes for line in told(outcome)):
        reporter.note(line)
    if failed is not None:
        errors = (outcome.error for outcome in outcomes)
        failed += [each for each in errors if each and not isinstance(each, Conflict)]
    clean = {outcome.record.uid for outcome in outcomes if outcome.error is None}
    for remain in (remain for remain, record in own if record.uid in clean):
        remain.journal.drop()
    return len(dead)


async def _restored(
    cluster: Cluster, records: Sequence[Record], spec: CleanSpec, reporter: Reporter
) -> list[Outcome]:
    if spec.patient and (line := awaited(records)):
        reporter.note(line)
    return await restore(cluster, records, by=holder(), patient=spec.patient)


async def clean_quietly(
    cluster: Cluster, namespace: str, reporter: Reporter, *, dry_run: bool = False
) -> None:
    """What a new session does on its own; that it can't be done is no reason not to go on.

    Raises: Unauthorized.
    """
    if dry_run:
        return
    try:
        await clean_cluster(cluster, namespace, CleanSpec(threshold_minutes=0), reporter)
    except Unauthorized:  # nothing else can be done either
        raise
    except KtError as error:
        reporter.note(f"what dead sessions left was not looked for: {error}")


async def clean_legacy(
    cluster: Cluster, namespace: str, spec: CleanSpec, reporter: Reporter
) -> int:
    """Undo what KT Connect 0.3 left; returns how many things were put right."""
    if namespace:
        places = [await look(cluster, namespace, silence=spec.silence)]
    else:
        places = await look_everywhere(cluster, silence=spec.silence)
    count = 0
    for place in places:
        findings = decide(place.seen)
        where = place.seen.namespace
        lines: list[str] = []
        if spec.dry_run:
            rehearse_repairs(where, findings.repairs, reporter)
        else:
            lines = await carry_out(cluster, where, findings.repairs)
        for line in (*lines, *findings.notes, *hidden(place.hidden)):
            reporter.note(line)
        count += len(findings.repairs)
    return count


def hidden(kinds: Sequence[str]) -> list[str]:
    """What could not be looked at."""
    if not kinds:
        return []
    shown = ", ".join(WHAT.get(kind, f"{kind.rpartition('/')[2]}s") for kind in kinds)
    return [f"what KT Connect left is not all seen: no right to list {shown}"]


async def _own_remains(
    cluster: Cluster, reporter: Reporter, *, dry_run: bool
) -> list[tuple[Remains, Record]]:
    """The Leases of this machine's dead processes; those that are gone are forgotten."""
    found = []
    for remain in list(remains(cluster.config.server)):
        try:
            record = await _record(cluster, remain)
        except Forbidden as error:  # a right that is gone in one namespace is no reason to stop
            reporter.note(f"left: session {remain.lease} in namespace {remain.namespace}; {error}")
            continue
        if record is not None and await _is_certain(cluster, remain, record):
            found.append((remain, record))
        elif record is None and not dry_run:
            remain.journal.drop()
    return found


async def _record(cluster: Cluster, remain: Remains) -> Record | None:
    """Its Lease; None if that is gone, or another session's by now."""
    lease = await cluster.find(LEASE, remain.lease, remain.namespace)
    if lease is None:
        return None
    record = record_of(lease)
    same = record.uid == remain.uid if remain.uid else record.holder == holder()
    return record if same else None


async def _is_certain(cluster: Cluster, remain: Remains, record: Record) -> bool:
    """Whether it is that process's Lease: one that never heard of its UID may be mistaken for that
    of another session of the same user, which may be alive."""
    return bool(remain.uid) or not record.is_alive(await server_clock(cluster)())


async def _clean_host(spec: CleanSpec, reporter: Reporter) -> None:
    if spec.dry_run:
        reporter.note("routes and names of this machine would be looked at")
        return
    async with open_door() as door:
        owned_by_user()
        async with open_helper(door) as helper:
            for line in helper.recovered or ["this machine's network: nothing to clean"]:
                reporter.note(line)


async def rehearse_session(cluster: Cluster, record: Record, reporter: Reporter) -> None:
    """Tell what undoing a session would do."""
    since = record.renewed.isoformat(timespec="seconds") if record.renewed else "ever"
    reporter.note(
        f"would delete {called(record)} in namespace {record.namespace}, silent since {since}"
    )
    try:
        plan = await planned(cluster, record)
    except KtError as error:
        reporter.note(f"would be left: {error}")
        return
    for step in plan.writes:
        reporter.would_change(step.key, step.before, step.after)
    for key in plan.left:
        reporter.note(f"would leave {key}: changed by someone else")
    for key in plan.deletes:
        reporter.would_change(key, "there", None)


def rehearse_repairs(namespace: str, repairs: Sequence[Repair], reporter: Reporter) -> None:
    """Tell what putting right what KT Connect left would do."""
    for repair in repairs:
        for step in repair.steps:
            reporter.would_change(step.key, step.before, step.after)
    for gone in dict.fromkeys(gone for repair in repairs for gone in repair.deletes):
        reporter.would_change(f"{gone.kind}/{namespace}/{gone.name}", "there", None)
