"""``--dryRun``: what a command would make and change, told; nothing is done.

The mode runs as ever, on a cluster to which nothing is written (`kube.rehearsal`), up to where it
would have to wait for its agent. Its changes of others' objects are its journal.
"""

from collections.abc import Iterable
from typing import Any

from ktconnect.apply.change import Entry
from ktconnect.apply.rehearsal import lines
from ktconnect.errors import Conflict
from ktconnect.kube.client import Cluster
from ktconnect.kube.config import KubeConfig
from ktconnect.kube.rehearsal import RehearsalCluster, Rehearsed
from ktconnect.objects.session import LEASE, Manifest, record_of
from ktconnect.sessions.lease import Taken, server_clock
from ktconnect.sessions.restore import planned
from ktconnect.sessions.taken import Taker, make_way

from .report import Reporter

NOTHING_DONE = "this was a dry run: nothing was created, and nothing was changed"


def cluster_for(config: KubeConfig, *, dry_run: bool) -> Cluster:
    """The cluster, or one to which nothing is written. Close it with ``async with``."""
    return RehearsalCluster(config) if dry_run else Cluster(config)


def tell(cluster: Cluster, journal: Iterable[Entry], reporter: Reporter) -> None:
    """Print what was rehearsed on ``cluster``, and what ``journal`` would change besides."""
    rehearsed = cluster.taken() if isinstance(cluster, RehearsalCluster) else Rehearsed()
    for manifest in rehearsed.created:
        reporter.would_create(shown(manifest))
    for changed in rehearsed.changed:
        reporter.would_change(changed.key, changed.before, changed.after)
    for entry in journal:
        reporter.would_change(entry.key, entry.before, entry.after)
    for key in rehearsed.deleted:
        reporter.would_change(key, "there", None)


def shown(manifest: Manifest) -> dict[str, Any]:
    """A manifest for people: binary contents by their size."""
    if "binaryData" not in manifest:
        return manifest
    sizes = {
        name: f"({len(text):,} bytes in base64)" for name, text in manifest["binaryData"].items()
    }
    return {**manifest, "binaryData": sizes}


async def make_way_or_tell(
    cluster: Cluster, namespace: str, lease: str, taker: Taker, *, dry_run: bool
) -> None:
    """As `sessions.taken.make_way`; in a dry run a session that is in the way is only told of.

    Raises: Taken; Conflict in a dry run, if a session would have to be undone first.
    """
    if not dry_run:
        await make_way(cluster, namespace, lease, taker)
        return
    found = await cluster.find(LEASE, lease, namespace)
    if found is None:
        return
    record, now = record_of(found), await server_clock(cluster)()
    if record.is_alive(now) and not taker.takeover:
        raise Taken(record, now)
    plan = await planned(cluster, record)
    for line in (*lines(plan.writes), *(f"{key}: deleted" for key in plan.deletes)):
        taker.say(f"first, {line}")
    raise Conflict(
        f"session {lease} of {record.holder} would be undone first, and is in the way of a dry run",
        hint="`ktctl clean` undoes what is dead; after that --dryRun shows the rest",
    )
