"""Makes and removes the network namespaces of a playground, and tells who lives in them."""

import os
import signal
import time
from pathlib import Path

from playground import wiring
from playground.commands import run
from playground.errors import PlaygroundError
from playground.plan import LAPTOP_MARK, Plan, machine_of

NAMED = Path("/run/netns")

Identity = tuple[int, int]


def in_namespace(namespace: str) -> list[str]:
    """The command in front of a command that runs it there.

    ``ip netns exec`` would also remount /sys, which hides the cgroups.
    """
    return ["nsenter", f"--net={NAMED / namespace}", "--"]


def create(plan: Plan) -> None:
    """Make every namespace, link, route and rule of the plan. Raises: PlaygroundError."""
    for machine in plan.machines:
        namespace = plan.namespace(machine)
        run(["ip", "netns", "add", namespace])
        settings = [f"{key}={value}" for key, value in wiring.sysctls(machine).items()]
        run([*in_namespace(namespace), "sysctl", "-qw", *settings])
    for machine, lines in wiring.links(plan):
        run(["ip", "-n", plan.namespace(machine), "-batch", "-"], stdin="\n".join(lines))
    load_rules(plan.namespace("router"), wiring.firewall(plan))


def load_rules(namespace: str, text: str) -> None:
    """Load nft rules in a namespace, all or none."""
    run([*in_namespace(namespace), "nft", "-f", "-"], stdin=text)


def existing(name: str) -> list[str]:
    """The network namespaces of playground ``name`` that exist now."""
    if not NAMED.is_dir():
        return []
    return sorted(entry for entry in os.listdir(NAMED) if machine_of(name, entry))


def delete(namespace: str) -> None:
    run(["ip", "netns", "del", namespace])


def kill_residents(name: str) -> None:
    """SIGKILL whoever lives in a namespace of playground ``name``.

    Their children go too, wherever those live. Killing the init of a node takes its PID namespace
    along. Raises: PlaygroundError if someone outlives it.
    """
    homes = _homes(name)
    deadline = time.monotonic() + 10
    while residents := _residents(homes):
        for pid in _with_children(residents):
            _kill(pid)
        if time.monotonic() > deadline:
            raise PlaygroundError(f"processes {residents} can't be killed")
        time.sleep(0.02)


def _homes(name: str) -> set[Identity]:
    """The network namespaces, and the mount and host name namespaces of the laptop.

    A command of the laptop that went on to a network of its own is found by the latter two.
    """
    homes = {found for namespace in existing(name) if (found := identity(NAMED / namespace))}
    homes -= _not_ours("net")
    on_laptop = [pid for pid in _residents(homes) if _sees_laptop(pid, name)]
    for kind in ("mnt", "uts"):
        homes |= {found for pid in on_laptop if (found := identity(Path(f"/proc/{pid}/ns/{kind}")))}
        homes -= _not_ours(kind)
    return homes


def _sees_laptop(pid: int, name: str) -> bool:
    """Whether a process sees the laptop's files: one of them says whose laptop it is."""
    try:
        return Path(f"/proc/{pid}/root{LAPTOP_MARK}").read_text() == name
    except OSError:
        return False


def _not_ours(kind: str) -> set[Identity | None]:
    """The namespaces of the machine and of this process: nobody is killed for living there."""
    return {identity(Path(f"/proc/{pid}/ns/{kind}")) for pid in ("1", "self")}


def identity(path: Path) -> Identity | None:
    """What makes a namespace the same one, by any path to it; None if it is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino)


def _residents(homes: set[Identity]) -> list[int]:
    return [pid for pid in _processes() if _lives_in(pid, homes)]


def _with_children(pids: list[int]) -> list[int]:
    """Processes, and all that descend from them."""
    parents = {pid: _parent(pid) for pid in _processes()}
    found = set(pids)
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found)


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _processes() -> list[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def _lives_in(pid: int, homes: set[Identity]) -> bool:
    folder = Path(f"/proc/{pid}/ns")
    return any(identity(folder / kind) in homes for kind in ("net", "mnt", "uts"))


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
