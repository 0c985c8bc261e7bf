"""Starts machines in their namespaces, tells which run, and gives orders to their units."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from playground.commands import last_lines, run
from playground.errors import PlaygroundError
from playground.init import replace
from playground.machine import Machine, hold_file, init_file, spec_file, units_file
from playground.network import in_namespace

READY_WITHIN = 60.0
_BACKGROUND = 'log="$1"; shift; setsid "$@" >"$log" 2>&1 </dev/null & echo $!'
_ENVIRONMENT = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8"]


def start(machine: Machine, namespace: str) -> None:
    """Start a machine and wait until its files and mounts are there. Raises: PlaygroundError."""
    folder = Path(machine.folder)
    log = Path(machine.log_folder)
    for needed in (hold_file(folder, "any").parent, log):
        needed.mkdir(parents=True, exist_ok=True)
    units_file(folder).unlink(missing_ok=True)
    replace(spec_file(folder), machine.to_json())
    argv = [*_ENVIRONMENT, *in_namespace(namespace), *_unshare(machine), *_init(folder)]
    pid = int(run(["sh", "-c", _BACKGROUND, "sh", str(log / "init.log"), *argv]))
    replace(init_file(folder), json.dumps({"pid": pid, "started": start_time(pid)}))
    _wait_until_ready(machine.name, folder, log / "init.log")


def _unshare(machine: Machine) -> list[str]:
    if not machine.own_processes:
        return ["unshare", "--mount", "--uts"]
    own = ["--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc"]
    return ["unshare", *own]


def _init(folder: Path) -> list[str]:
    return [sys.executable, "-m", "playground.init", str(spec_file(folder))]


def _wait_until_ready(name: str, folder: Path, log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while not units_file(folder).exists():
        if not is_running(folder) or time.monotonic() > deadline:
            raise PlaygroundError(f"{name} did not start: {last_lines(log.read_text())}")
        time.sleep(0.01)


def start_time(pid: int) -> int:
    """When a process began, in the kernel's ticks; 0 if there is none. PIDs are used again."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    state, *fields = text.rpartition(")")[2].split()
    return 0 if state in "ZX" else int(fields[18])


def pid_of(folder: Path) -> int | None:
    """PID of a machine's outermost process, None if it does not run."""
    try:
        said = json.loads(init_file(folder).read_text())
    except (OSError, ValueError):
        return None
    pid = int(said["pid"])
    return pid if said["started"] and start_time(pid) == said["started"] else None


def is_running(folder: Path) -> bool:
    return pid_of(folder) is not None


def inner_pid(folder: Path) -> int | None:
    """PID of the process in a machine's innermost namespaces, seen from outside."""
    pid = pid_of(folder)
    if pid is None:
        return None
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0]) if children else None


def kill(folder: Path) -> None:
    """Take a machine's power away: all its processes end at once."""
    _signal_and_wait(folder, pid_of(folder), signal.SIGKILL)


def stop(folder: Path) -> None:
    """Shut a machine down: its units are asked to end first."""
    _signal_and_wait(folder, inner_pid(folder), signal.SIGTERM)


def _signal_and_wait(folder: Path, pid: int | None, number: signal.Signals) -> None:
    if pid is None:
        return
    os.kill(pid, number)
    _wait_for(lambda: not is_running(folder), 60, f"{folder.name} did not go down")


def units(folder: Path) -> dict[str, dict[str, int]]:
    """What a machine's init last said of each unit: running, finished, starts."""
    try:
        said: dict[str, dict[str, int]] = json.loads(units_file(folder).read_text())
    except (OSError, ValueError):
        return {}
    return said


def hold(folder: Path, unit: str) -> None:
    """Stop a unit and keep it stopped. Returns when it has ended."""
    hold_file(folder, unit).touch()
    _wait_for(lambda: not units(folder)[unit]["running"], 60, f"{unit} did not stop")


def release(folder: Path, unit: str) -> None:
    """Let a held unit run again. Returns when it was started."""
    hold_file(folder, unit).unlink(missing_ok=True)
    _wait_for(lambda: bool(units(folder)[unit]["running"]), 60, f"{unit} did not start")


def _wait_for(condition: Callable[[], bool], timeout: float, complaint: str) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise PlaygroundError(f"{complaint} within {timeout:.0f} s")
        time.sleep(0.02)
