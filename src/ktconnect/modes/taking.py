"""Who takes a target, as other sessions and this machine's own dead ones see it."""

from ktconnect.kube.client import Cluster
from ktconnect.sessions.taken import Taker

from .cluster import holder
from .local import gone
from .report import Reporter


def taker_of(cluster: Cluster, reporter: Reporter, *, takeover: bool = False) -> Taker:
    """This user on this machine; sessions that were killed here are dead at once."""
    return Taker(holder(), reporter.note, takeover, gone(cluster.config.server))
