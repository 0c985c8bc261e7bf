"""The processes of a session on this machine, and of its agent in the cluster."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

from playground.cluster import Playground
from tests.cluster.connecting import wait_until
from tests.cluster.session import Session

PROC = Path("/proc")


def children(pid: int) -> list[int]:
    """Children of all threads of a process; none once it is gone."""
    found: list[int] = []
    for task in (PROC / str(pid) / "task").glob("*"):
        try:
            found += map(int, (task / "children").read_text().split())
        except OSError:
            continue
    return [child for child in found if is_running(child)]


def is_running(pid: int) -> bool:
    """Whether it is there, and no zombie."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def family(pid: int) -> list[int]:
    """A process and all below it."""
    return [pid, *(each for child in children(pid) for each in family(child))]


def door(session: Session) -> int:
    """The root process of a session that starts its helpers."""
    return int(wait_until(lambda: children(session.pid))[0])


def worker(session: Session) -> int:
    """The root helper at work."""
    return int(wait_until(lambda: children(door(session)))[0])


def agent(cluster: Playground, namespace: str) -> int:
    """The agent's process, as this machine numbers it."""
    found = wait_until(lambda: list(_with_token(_token(cluster, namespace))), within=20)
    return int(found[0])


def _token(cluster: Playground, namespace: str) -> str:
    deployments = cluster.get("deployments", f"--namespace={namespace}")["items"]
    (args,) = (
        each["spec"]["template"]["spec"]["containers"][0]["args"]
        for each in deployments
        if each["metadata"]["labels"].get("control-by") == "kt"
    )
    return next(str(arg) for arg in args if len(arg) == 64)


def _with_token(token: str) -> Iterator[int]:
    for path in PROC.glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if token.encode() in words and b"python3" in words[0]:
            yield int(path.parent.name)


def send(number: signal.Signals, *pids: int) -> None:
    """A signal to all of them; one that is gone already is none of ours."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
