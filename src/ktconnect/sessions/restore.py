"""Undo what dead sessions changed, by what their Leases say; then delete what is theirs.

Anybody with the right may do it, from any machine, any number of times: the journal says what was
before, every write is compare-and-swap, and the Lease goes last.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ktconnect.apply.engine import Undone, undo
from ktconnect.apply.rehearsal import Rehearsal, Step
from ktconnect.errors import Conflict, Forbidden, KtError
from ktconnect.kube.backend import KubeBackend
from ktconnect.kube.client import Cluster
from ktconnect.kube.failures import NotFound
from ktconnect.kube.paths import resource_of, split_key
from ktconnect.kube.rights import Right, named
from ktconnect.kube.undoable import all_undoable, leads_callers, leads_through_router
from ktconnect.objects.lease_patch import taking
from ktconnect.objects.session import LEASE, Manifest, Record, record_of

from .holders import called

SETTLE_SECONDS = 3.0
"""How long the nodes' proxies may take to follow an endpoint: until then callers still come to an
agent, which passes them on; so it is deleted only after that."""

CALLS_SECONDS = 25.0
"""How long calls through a router may take to end, before it is deleted: as long as an agent lets
those take that go through it."""

NOTHING = Undone()

OWNED = ("v1/Service", "apps/v1/Deployment", "v1/ConfigMap")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one session. Without ``error`` nothing of it is left."""

    record: Record
    undone: Undone = NOTHING
    error: KtError | None = None


async def restore(
    cluster: Cluster,
    records: Iterable[Record],
    *,
    by: str,
    force: bool = False,
    settle: float | None = None,
    patient: bool = False,
) -> list[Outcome]:
    """Undo these sessions, in the name of ``by``, and delete all they made.

    ``patient``: a router among it stays for as long as calls through it may take to end. One that
    has been renewed since it was looked at is alive, and left alone (its outcome's error is a
    Conflict), unless ``force``. A failure of one does not keep the others from being undone.
    """
    outcomes = [await _undone(cluster, record, by, force=force) for record in records]
    if any(map(_may_be_fresh, outcomes)):
        usual = _settle_seconds(outcomes) if patient else SETTLE_SECONDS
        await asyncio.sleep(usual if settle is None else settle)
    return [await _deleted(cluster, outcome, force=force) for outcome in outcomes]


def awaited(records: Iterable[Record]) -> str:
    """What who is ``patient`` waits for, in a line for a person; "" if for nothing."""
    routers = [each.target for each in records if leads_through_router(each.journal or ())]
    what = f"calls through the router of {', '.join(routers)} get {CALLS_SECONDS:.0f} s to end"
    return what if routers else ""


def _settle_seconds(outcomes: Iterable[Outcome]) -> float:
    routers = (
        leads_through_router(each.record.journal or ()) for each in outcomes if not each.error
    )
    return CALLS_SECONDS if any(routers) else SETTLE_SECONDS


def _may_be_fresh(outcome: Outcome) -> bool:
    """Whether callers may come to its agents still: where somebody else has just led them back, it
    was not us who wrote."""
    journal, taken = outcome.record.journal or (), outcome.record.taken_by
    led = leads_callers(journal) or (journal and taken)
    return outcome.error is None and bool(outcome.undone.written or led)


async def _undone(cluster: Cluster, record: Record, by: str, *, force: bool) -> Outcome:
    if record.journal == ():
        return Outcome(record)
    try:
        check_journal(record)
        await _check_rights(cluster, record)
        claim = taking(by, record.uid, "" if force else record.version)
        await _claimed(cluster, record, claim)
        undone = await undo(record.journal or (), {"kube": KubeBackend(cluster)})
    except NotFound:  # somebody else was faster
        return Outcome(record)
    except KtError as error:
        return Outcome(record, error=error)
    return Outcome(record, undone)


async def _check_rights(cluster: Cluster, record: Record) -> None:
    """Raises: Forbidden, before the session is claimed, naming each right that is missing."""
    missing = await cluster.allowed(rights_of(record))
    if missing:
        raise Forbidden(
            f"you may not {named(missing)}",
            hint="`ktctl rbac print recover` prints the Role that it takes",
        )


def rights_of(record: Record) -> list[Right]:
    """What it takes to undo this session."""
    group, leases = resource_of(LEASE).group, resource_of(LEASE).plural
    found = [Right(verb, group, leases, record.namespace) for verb in ("patch", "delete")]
    for entry in record.journal or ():
        at = split_key(entry.key.partition("#")[0])
        resource = resource_of(at.kind)
        plural = "/".join(part for part in (resource.plural, at.subresource) if part)
        found += [Right(verb, resource.group, plural, at.namespace) for verb in ("get", "patch")]
    return list(dict.fromkeys(found))


async def _claimed(cluster: Cluster, record: Record, claim: list[Manifest]) -> None:
    try:
        await cluster.patch(LEASE, record.name, claim, record.namespace)
    except Conflict:
        raise await _overtaken(cluster, record) from None


async def _overtaken(cluster: Cluster, record: Record) -> KtError:
    """Why a session is no longer as it was when it was looked at."""
    found = await cluster.find(LEASE, record.name, record.namespace)
    now = record_of(found) if found else None
    if now is None or now.uid != record.uid:
        return NotFound(f"{called(record)} is gone")
    if now.taken_by != record.taken_by:
        return Conflict(f"{called(record)} is undone by {now.taken_by}")
    return Conflict(f"{called(record)} is alive again")


async def _deleted(cluster: Cluster, outcome: Outcome, *, force: bool) -> Outcome:
    """Delete the Lease, and with it all it owns; what was never claimed only in the state seen."""
    record = outcome.record
    if outcome.error is not None:
        return outcome
    version = "" if force or record.journal else record.version
    try:
        await cluster.delete(LEASE, record.name, record.namespace, uid=record.uid, version=version)
    except Conflict:
        why = await _overtaken(cluster, record)
        return outcome if isinstance(why, NotFound) else replace(outcome, error=why)
    except KtError as error:
        return replace(outcome, error=error)
    return outcome


def check_journal(record: Record) -> None:
    """Raises: KtError for a journal that can't be read, or asks for what no session changes."""
    journal = record.journal
    if journal is None or not all_undoable(journal, record.namespace, record.name):
        raise KtError(
            f"{called(record)} has a journal that ktctl does not trust",
            hint=f"look at it: kubectl get lease {record.name} -n {record.namespace} -o yaml",
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """What `restore` would do: the fields it would write, and what it would delete."""

    writes: tuple[Step, ...]
    left: tuple[str, ...]
    deletes: tuple[str, ...]


async def planned(cluster: Cluster, record: Record) -> Plan:
    """What `restore` would do with this session now; nothing is changed.

    Raises: KtError for a journal that can't be undone.
    """
    check_journal(record)
    rehearsal = Rehearsal(KubeBackend(cluster))
    undone = await undo(record.journal or (), {"kube": rehearsal})
    deletes = [f"{LEASE}/{record.namespace}/{record.name}", *await _owned(cluster, record)]
    return Plan(tuple(rehearsal.steps), undone.overtaken, tuple(deletes))


async def _owned(cluster: Cluster, record: Record) -> Sequence[str]:
    """The objects that go with the Lease, as far as the user may see them."""
    found: list[str] = []
    for kind in OWNED:
        try:
            objects = await cluster.list(kind, record.namespace)
        except Forbidden:
            continue
        found += [
            f"{kind}/{record.namespace}/{each['metadata']['name']}"
            for each in objects
            if any(
                owner.get("uid") == record.uid
                for owner in each["metadata"].get("ownerReferences") or ()
            )
        ]
    return found
