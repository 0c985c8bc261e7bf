"""What a router takes with one user, and with a hundred of them.

A user is a Service with a share on it: so ninety-nine are made as ktctl makes them, with nobody
behind, and the one who is there puts all of them into the router. Agents and laptops are theirs.
"""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench import processes, rows
from bench.errors import BenchError
from bench.inbound import answering
from bench.measure import Field, Measure, Values
from bench.peers import Peer
from bench.rules import share_of_user
from bench.sharing import SHARED, meshed, router_uids
from bench.site import HTTP, NAMESPACE, Manifest, Site
from ktconnect import names
from ktconnect.rules.model import ANNOTATION, share_note

USERS = 100
FOLLOWS_WITHIN = 120.0
"""Seconds for the router to have heard of all of them."""
SETTLES = 5.0
"""Seconds after which what was needed to take them in is given back."""
ADMIN = 19900
"""Where the router's admin interface listens, on its Pod's loopback."""


def measures() -> list[Measure]:
    return [Measure("mesh-users@0", _take, peers=(rows.OURS,), apart=True, rounds=1)]


def _take(field: Field, peer: Peer) -> Values:
    site = field.site
    site.playground.provide(site.playground.store.builtin("envoy"))
    with answering(site), meshed(site, "one"):
        one = _memory(site)
        with _others(site, USERS - 1):
            _wait_until_in_force(site, USERS)
            time.sleep(SETTLES)
            every = _memory(site)
    return {"users-1": one, f"users-{USERS}": every}


@contextmanager
def _others(site: Site, count: int) -> Iterator[None]:
    """So many more users, for as long as the block."""
    site.playground.apply([user_service(number) for number in range(count)], NAMESPACE)
    try:
        yield
    finally:
        site.kubectl("delete", "services", "-l", f"{names.LABEL_TARGET}={SHARED},bench=user")


def user_service(number: int) -> Manifest:
    """A user's Service, with what they take of the shared one's requests. Pure."""
    share = share_of_user(number, ports=(HTTP,))
    metadata = {
        "name": f"{SHARED}-kt-mesh-{share.mark}",
        "labels": {names.LABEL_TARGET: SHARED, "bench": "user"},
        "annotations": {ANNOTATION: share_note(share)},
    }
    spec = {"ports": [{"name": "http", "port": HTTP}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def _wait_until_in_force(site: Site, users: int) -> None:
    """Until the router has a place for each. Raises: BenchError."""
    deadline = time.monotonic() + FOLLOWS_WITHIN
    while _known(site) < users:
        if time.monotonic() > deadline:
            raise BenchError(f"the router does not have {users} users after {FOLLOWS_WITHIN:g} s")
        time.sleep(1)


def _known(site: Site) -> int:
    """To how many users' agents the router can lead, by its admin interface."""
    inside = ["nsenter", "--target", str(min(_pids(site))), "--net"]
    ask = ["curl", "--silent", "--max-time", "5", f"http://127.0.0.1:{ADMIN}/clusters"]
    return users_of(subprocess.run([*inside, *ask], capture_output=True, text=True).stdout)


def users_of(told: str) -> int:
    """How many users the router's clusters are of; ``told`` by ``/clusters``. Pure."""
    clusters = {line.partition("::")[0] for line in told.splitlines()}
    return len({name for name in clusters if name.startswith(f"{SHARED}-kt-mesh-")})


def _memory(site: Site) -> float:
    """MB of the router's Pods."""
    return processes.memory(processes.everything(), _pids(site))


def _pids(site: Site) -> set[int]:
    uids = router_uids(json.loads(site.kubectl("get", "pods", "-o", "json"))["items"])
    found = processes.everything()
    pids = set[int]().union(*(processes.of_pod(found, uid) for uid in uids))
    if not pids:
        raise BenchError("there is no router")
    return pids
