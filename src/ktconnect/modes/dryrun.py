"""``--dryRun``: what a command would make and change, told; nothing is done.

The mode runs as ever, on a cluster to which nothing is written (`kube.rehearsal`), up to where it
would have to wait for its agent. Its changes of others' objects are its journal.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from ktconnect.apply.change import Entry
from ktconnect.apply.rehearsal import lines
from ktconnect.errors import Conflict
from ktconnect.kube.client import Cluster
from ktconnect.kube.config import KubeConfig
from ktconnect.kube.rehearsal import RehearsalCluster, Rehearsed
from ktconnect.objects.session import LEASE, Manifest, Record, record_of
from ktconnect.sessions.holders import Taken, called, is_shared
from ktconnect.sessions.lease import server_clock
from ktconnect.sessions.restore import planned
from ktconnect.sessions.taken import Taker, end_all

from .report import Reporter

TIMES: Final = ("#/spec/renewTime", "#/spec/acquireTime")
"""Changes that are only the time passing."""

DEAD: Final = "`ktctl clean` undoes what is dead; after that --dryRun shows the rest"
ALIVE: Final = (
    "--dryRun ends nobody: the rest is shown when they have ended; --takeover without --dryRun "
    "ends them and does it all"
)

NOTHING_DONE = "this was a dry run: nothing was created, and nothing was changed"


def cluster_for(config: KubeConfig, *, dry_run: bool) -> Cluster:
    """The cluster, or one to which nothing is written. Close it with ``async with``."""
    return RehearsalCluster(config) if dry_run else Cluster(config)


def tell(cluster: Cluster, journal: Iterable[Entry], reporter: Reporter) -> None:
    """Print what was rehearsed on ``cluster``, and what ``journal`` would change besides."""
    rehearsed = cluster.taken() if isinstance(cluster, RehearsalCluster) else Rehearsed()
    for manifest in rehearsed.created:
        reporter.would_create(shown(manifest))
    last = {changed.key: changed for changed in rehearsed.changed}  # the rest is on the way to it
    for changed in last.values():
        if not changed.key.endswith(TIMES):
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
    """See to it that nobody holds the Lease ``lease``: as `end_or_tell` does."""
    found = await cluster.find(LEASE, lease, namespace)
    await end_or_tell(cluster, [record_of(found)] if found else [], taker, dry_run=dry_run)


async def end_or_tell(
    cluster: Cluster, records: Sequence[Record], taker: Taker, *, dry_run: bool
) -> None:
    """As `sessions.taken.end_all`; in a dry run sessions that are in the way are only told of.

    Raises: Taken; Conflict in a dry run, if a session would have to be undone first.
    """
    if not dry_run:
        await end_all(cluster, records, taker)
        return
    if not records:
        return
    now = await server_clock(cluster)()
    living = [each for each in records if each.is_alive(now) and not is_shared(each)]
    if living and not taker.takeover:
        raise Taken(living[0], now, *living[1:])
    for record in records:
        plan = await planned(cluster, record)
        for line in (*lines(plan.writes), *(f"{key}: deleted" for key in plan.deletes)):
            taker.say(f"first, {line}")
    names = " and ".join(map(called, records))
    raise Conflict(
        f"{names} would be undone first, and {'is' if len(records) == 1 else 'are'} in the way of "
        "a dry run",
        hint=ALIVE if living else DEAD,
    )
