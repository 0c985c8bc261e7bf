"""Whose CPU time and memory it is: the peer's on the laptop, its Pod's, the cluster's."""

from bench import processes
from bench.measure import Field, Measure, Values
from bench.peers import Peer
from bench.processes import Processes
from bench.site import Site

_ON_THE_WAY = ("kube-apiserver", "kubelet", "containerd")


def places(site: Site, peer: Peer, found: Processes) -> dict[str, set[int]]:
    """PIDs by where they run: `laptop`, `agent` if the peer has a Pod, and the `way` between."""
    node = site.playground.plan.namespace("node1")
    known = {
        "laptop": processes.tree(found, peer.laptop_pids()),
        "way": processes.of_programs(found, node, _ON_THE_WAY),
    }
    if selector := peer.agent_selector():
        uids = site.pod_uids(selector)
        known["agent"] = set().union(*(processes.of_pod(found, uid) for uid in uids))
    return known


def by_place(site: Site, peer: Peer, before: Processes, after: Processes) -> Values:
    """CPU seconds between two moments: of `laptop`, `agent` and `all`."""
    spent = {
        where: processes.cpu(before, after, pids)
        for where, pids in places(site, peer, after).items()
    }
    total = sum(spent.values())
    spent.pop("way")
    return spent | {"all": total}


def memory(site: Site, peer: Peer) -> Values:
    """MB resident on the laptop and in the Pod."""
    found = processes.everything()
    known = places(site, peer, found)
    known.pop("way")
    return {where: processes.memory(found, pids) for where, pids in known.items()}


def measures() -> list[Measure]:
    """Idle, and so to be taken before anything moves."""
    return [Measure("rss@0", _idle)]


def _idle(field: Field, peer: Peer) -> Values:
    return {f"rss-{where}": size for where, size in memory(field.site, peer).items()}
