"""What processes of a Pod or of a session take: memory and descriptors, and how much at most."""

import contextlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from bench import processes
from playground.cluster import Playground
from tests.cluster.connecting import wait_until


@dataclass(frozen=True)
class Size:
    """Of one or several processes together; memory resident, in MB."""

    memory: float
    descriptors: int


def of_pod(cluster: Playground, namespace: str, prefix: str) -> set[int]:
    """The processes of the one Pod whose name begins so, as this machine numbers them."""

    def found() -> set[int]:
        pods = cluster.get("pods", f"--namespace={namespace}")["items"]
        uids = [
            str(each["metadata"]["uid"])
            for each in pods
            if each["metadata"]["name"].startswith(prefix)
            and "deletionTimestamp" not in each["metadata"]
        ]
        assert len(uids) == 1, (prefix, len(uids))
        return processes.of_pod(processes.everything(), uids[0])

    return set(wait_until(found, within=20))


def size(pids: set[int]) -> Size:
    """What they take now; those that have ended take nothing."""
    found = processes.everything()
    alive = pids & set(found)
    return Size(processes.memory(found, alive), processes.descriptors(alive))


@dataclass
class Most:
    """The largest sizes that were seen so far, by name."""

    sizes: dict[str, Size] = field(default_factory=dict)

    def see(self, name: str, seen: Size) -> None:
        """Take a look into account."""
        known = self.sizes.get(name, Size(0, 0))
        larger = max(known.memory, seen.memory), max(known.descriptors, seen.descriptors)
        self.sizes[name] = Size(*larger)


@contextlib.contextmanager
def watched(pids: Mapping[str, set[int]], every: float = 1.0) -> Iterator[Most]:
    """Look at all of them all the time in the block, and once more at its end."""
    most, over = Most(), threading.Event()

    def look() -> None:
        while True:
            for name, each in pids.items():
                most.see(name, size(each))
            if over.wait(every):
                return

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    try:
        yield most
    finally:
        over.set()
        looking.join()
