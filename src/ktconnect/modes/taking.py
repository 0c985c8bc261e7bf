"""Who takes a target, as other sessions and this machine's own dead ones see it."""

from collections.abc import Iterable

from ktconnect import names
from ktconnect.kube.client import Cluster
from ktconnect.objects.session import Manifest, record_of
from ktconnect.sessions.conflicts import in_the_way, met_by
from ktconnect.sessions.holders import MarkTaken, Taken
from ktconnect.sessions.lease import SessionLease, server_clock, sessions
from ktconnect.sessions.taken import Taker

from .cluster import holder
from .dryrun import end_or_tell, make_way_or_tell
from .local import gone
from .report import Reporter


def taker_of(cluster: Cluster, reporter: Reporter, *, takeover: bool = False) -> Taker:
    """This user on this machine; sessions that were killed here are dead at once."""
    return Taker(holder(), reporter.note, takeover, gone(cluster.config.server))


async def clear_way(
    cluster: Cluster,
    mode: str,
    service: Manifest,
    pods: Iterable[Manifest],
    taker: Taker,
    *,
    dry_run: bool = False,
) -> bool:
    """See to it that no session of another mode keeps us from taking ``service`` with ``mode``.

    ``pods`` are the Service's; whether there was any such session, so that the Service is to be
    looked at anew. Raises: Taken naming all of them; as `end_or_tell`.
    """
    metadata = service["metadata"]
    labels = (pod["metadata"].get("labels") or {} for pod in pods)
    agents = {str(each.get(names.LABEL_SESSION, "")) for each in labels} - {""}
    found = await sessions(cluster, metadata["namespace"])
    others = in_the_way(found, mode, metadata["name"], agents)
    await end_or_tell(cluster, others, taker, dry_run=dry_run)
    return bool(others)


async def check_alone(cluster: Cluster, lease: SessionLease, service: str) -> None:
    """Look once more, now that ``lease`` is there for others to see: two who began at the same
    moment found nobody. Then neither goes on, if one takes all callers of the Service.

    Raises: Taken.
    """
    own = record_of(lease.stored)
    found = met_by(own, service, await sessions(cluster, own.namespace))
    now = await server_clock(cluster)()
    if living := [each for each in found if each.is_alive(now) and not each.taken_by]:
        raise Taken(living[0], now, *living[1:])


async def take_mark(
    cluster: Cluster,
    namespace: str,
    lease: str,
    taker: Taker,
    *,
    header: str = "",
    dry_run: bool = False,
) -> None:
    """As `make_way_or_tell`, for the Lease of one who shares a Service by a version mark, which is
    said in ``header``.

    Raises: MarkTaken if it is somebody else's, who is alive.
    """
    try:
        await make_way_or_tell(cluster, namespace, lease, taker, dry_run=dry_run)
    except Taken as taken:
        raise MarkTaken(taken.record, taken.now, header) from None
