"""`ktctl clean`: undo what dead sessions left; what is alive is never touched."""

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ktconnect import names
from ktconnect.errors import Conflict, Forbidden, KtError
from ktconnect.host.remote import open_door, open_helper
from ktconnect.kube.client import Cluster
from ktconnect.objects.session import LEASE, Manifest, is_alive

from .cluster import open_cluster, owned_by_user
from .local import Remains, remains
from .report import Reporter
from .spec import ClusterSpec

SELECTOR = f"{names.LABEL_CONTROL_BY}={names.CONTROL_BY}"


@dataclass(frozen=True, slots=True)
class CleanSpec:
    """One ``ktctl clean``."""

    cluster: ClusterSpec = field(default_factory=ClusterSpec)
    threshold_minutes: int = 1
    dry_run: bool = False
    local_only: bool = False


async def run(spec: CleanSpec, reporter: Reporter) -> None:
    """Clean this machine (as root), then the namespace. Raises: KtError."""
    if os.geteuid() == 0:
        await _clean_host(spec, reporter)
    else:
        reporter.note("routes and names of this machine are looked at with sudo only")
    if spec.local_only:
        return
    async with open_cluster(spec.cluster) as cluster:
        namespace = spec.cluster.namespace or cluster.namespace
        found = await clean_cluster(cluster, namespace, spec, reporter)
    if not found:
        reporter.note(f"nothing to clean in namespace {namespace}")


async def clean_cluster(
    cluster: Cluster, namespace: str, spec: CleanSpec, reporter: Reporter
) -> int:
    """Delete the Leases of dead sessions, and with them all they own; returns how many.

    Raises: Forbidden, Unreachable.
    """
    count = 0
    for remain in list(remains()):
        if remain.server == cluster.config.server:
            await _clean_remain(cluster, remain, spec, reporter)
            count += 1
    now = datetime.fromtimestamp(await cluster.server_time(), UTC)
    for lease in await cluster.list(LEASE, namespace, labels=SELECTOR):
        if not is_alive(lease, now, timedelta(minutes=spec.threshold_minutes)):
            await _clean_lease(cluster, lease, spec, reporter)
            count += 1
    return count


async def clean_quietly(cluster: Cluster, namespace: str, reporter: Reporter) -> None:
    """What a new session does on its own; that it can't be done is no reason not to go on."""
    try:
        await clean_cluster(cluster, namespace, CleanSpec(), reporter)
    except KtError as error:
        reporter.note(f"what dead sessions left was not looked for: {error}")


async def _clean_host(spec: CleanSpec, reporter: Reporter) -> None:
    if spec.dry_run:
        reporter.note("routes and names of this machine would be looked at")
        return
    async with open_door() as door:
        owned_by_user()
        async with open_helper(door) as helper:
            for line in helper.recovered or ["this machine's network: nothing to clean"]:
                reporter.note(line)


async def _clean_remain(
    cluster: Cluster, remain: Remains, spec: CleanSpec, reporter: Reporter
) -> None:
    what = f"session {remain.lease} in namespace {remain.namespace}: its process is gone"
    if spec.dry_run:
        reporter.note(f"would delete {what}")
        return
    try:
        await cluster.delete(LEASE, remain.lease, remain.namespace)
    except Forbidden as error:  # a right that is gone in one namespace is no reason to stop here
        reporter.note(f"left: {what}; {error}")
    else:
        remain.journal.drop()
        reporter.note(f"deleted {what}")


async def _clean_lease(
    cluster: Cluster, lease: Manifest, spec: CleanSpec, reporter: Reporter
) -> None:
    metadata, holder = lease["metadata"], lease["spec"].get("holderIdentity", "unknown")
    what = f"session {metadata['name']} of {holder}, silent since {lease['spec'].get('renewTime')}"
    if spec.dry_run:
        reporter.note(f"would delete {what}")
        return
    seen = {"uid": metadata["uid"], "version": metadata["resourceVersion"]}
    try:
        await cluster.delete(LEASE, metadata["name"], metadata["namespace"], **seen)
    except Conflict:  # its holder woke up at this very moment, and keeps it
        reporter.note(f"left alone: session {metadata['name']} of {holder} is alive again")
    else:
        reporter.note(f"deleted {what}")
