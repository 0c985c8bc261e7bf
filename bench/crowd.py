"""Many connections held at once: how many, and the memory that they take."""

import json
import subprocess

from bench import cost, rows
from bench.errors import BenchError
from bench.measure import Field, Measure, Values
from bench.peers import Peer, end
from bench.site import ECHO, probe_command

# kubectl's stay below what the node bears: each takes four descriptors of its containerd, which
# keeps them for good if kubectl dies. sshuttle takes a minute and a half to open a thousand.
COUNTS = {rows.OURS: rows.CROWD, rows.KUBECTL: 2_000}


def measures() -> list[Measure]:
    return [Measure("crowd@0", _crowd, peers=tuple(COUNTS), rounds=1)]


def _crowd(field: Field, peer: Peer) -> Values:
    words = [*peer.address_for(ECHO).words, str(COUNTS[peer.name])]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    before = cost.memory(field.site, peer)
    process = field.site.start(probe_command("crowd", *words), **pipes)
    try:
        opened = _line(process)
        memory = cost.memory(field.site, peer)
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
        still = _line(process)
    finally:
        end(process)
    each = {
        f"crowd-{where}-each": (size - before[where]) * 1e3 / still["held"]
        for where, size in memory.items()
        if still["held"]
    }
    if peer.name != rows.OURS:
        return each
    sizes = {f"crowd-{where}": size for where, size in memory.items()}
    return {"crowd-held": still["held"], "crowd-seconds": opened["seconds"], **sizes, **each}


def _line(process: "subprocess.Popen[str]") -> dict[str, float]:
    assert process.stdout is not None
    said = process.stdout.readline()
    if not said:
        raise BenchError("the crowd could not be opened")
    found: dict[str, float] = json.loads(said)
    return found
