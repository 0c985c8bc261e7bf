"""What a router between callers and a Service costs, and how long users wait for their share.

The same callers in a Pod, first with nobody in between, then with one user and a second one who
take marked requests. The callers' own have no mark: they go to the Service's own Pods.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import processes, rows
from bench.errors import BenchError
from bench.figures import percentile
from bench.inbound import FromPod, answering
from bench.measure import Field, Measure, Values
from bench.mirroring import wait_until_ready
from bench.peers import Peer, end
from bench.site import BULK, HTTP, NAMESPACE, Site

SHARED = "beside"
STARTING = "Starting the agent"
SECONDS = 3.0
WARM_UP = 0.3


def measures() -> list[Measure]:
    return [Measure("mesh@0", _take, peers=(rows.OURS,), apart=True)]


def _take(field: Field, peer: Peer) -> Values:
    site, seconds = field.site, SECONDS / 3 if field.short else SECONDS
    site.playground.provide(site.playground.store.builtin("envoy"))
    alone = _callers(site, seconds)
    with answering(site), meshed(site, "one") as first, meshed(site, "two") as second:
        routed = _callers(site, seconds)
        size = _memory(site)
    return {
        **{f"mesh-none-{key}": value for key, value in alone.items()},
        **{f"mesh-router-{key}": value for key, value in routed.items()},
        "mesh-added": routed["p50"] - alone["p50"],
        "mesh-first": first.ready,
        "mesh-second": second.ready,
        "mesh-agent": second.agent,
        "mesh-memory": size,
    }


def _callers(site: Site, seconds: float) -> dict[str, float]:
    address, pod = site.service_address(SHARED), FromPod(site)
    found: list[float] = pod.probe("asking", address, str(HTTP), f"{seconds:g}")
    if not found:
        raise BenchError("no request was answered")
    words = [address, str(BULK), "down", "1", f"{WARM_UP:g}", f"{seconds:g}"]
    down = pod.probe("bulk", *words) * 8 / seconds / 1e9
    return {"p50": percentile(found, 0.5), "p99": percentile(found, 0.99), "down": down}


@dataclass(frozen=True, slots=True)
class Came:
    """How long a user waited, in seconds: from the command until a marked request has come
    through, and of that for all that is made in the cluster, the agent's Pod at its end."""

    ready: float
    agent: float


def came(took: float, steps: Mapping[str, float]) -> Came:
    """By what ktctl told of its steps."""
    made = (seconds for title, seconds in steps.items() if title.startswith(STARTING))
    return Came(took, sum(made))


@contextmanager
def meshed(site: Site, mark: str) -> Iterator[Came]:
    """A user, until the end of the block."""
    images = site.playground.state.images
    words = [SHARED, "--expose", str(HTTP), "--versionMark", mark, "--mode", "router"]
    words += ["-n", NAMESPACE, "-i", str(images["python"]), "--routerImage", str(images["envoy"])]
    program = str(Path(sys.executable).with_name("ktctl"))
    began = time.monotonic()
    process = site.start([program, "mesh", *words, "-o", "json"], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        steps = wait_until_ready(process.stdout)
        took = time.monotonic() - began
        threading.Thread(target=_drain, args=(process,), daemon=True).start()
        yield came(took, steps)
    finally:
        end(process)


def _drain(process: "subprocess.Popen[str]") -> None:
    """Its state comes every second: nobody reads it, and a full pipe would stop it."""
    assert process.stdout is not None
    for _ in process.stdout:
        pass


def _memory(site: Site) -> float:
    """MB of the router's Pods."""
    uids = router_uids(json.loads(site.kubectl("get", "pods", "-o", "json"))["items"])
    if not uids:
        raise BenchError("there is no router")
    found = processes.everything()
    pids = set[int]().union(*(processes.of_pod(found, uid) for uid in uids))
    return processes.memory(found, pids)


def router_uids(pods: list[dict[str, Any]]) -> list[str]:
    """Of the Pods whose owner is the router's."""
    return [
        str(pod["metadata"]["uid"])
        for pod in pods
        if str(pod["metadata"]["name"]).startswith(f"{SHARED}-kt-router-")
    ]
