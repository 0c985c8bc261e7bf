"""The first process of a machine: makes its mounts, starts its units, keeps them running.

Run as ``python -m playground.init MACHINE.json`` inside the machine's new namespaces.
Stdlib only, and no PATH of the caller is trusted but the system's.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from playground.machine import Machine, Mount, Unit, hold_file, units_file

LOOK_AROUND = 0.25  # seconds between looks at hold files and files that units need
LOOK_AROUND_AT_START = 0.03
RESTART_PAUSE = 1.0
PATIENCE = 3.0  # seconds from SIGTERM to SIGKILL
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SIGNALS = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT}


def join_cgroups(machine: Machine) -> None:
    for folder in machine.cgroups:
        Path(folder, "cgroup.procs").write_text("0")  # 0 is whoever writes


def forget_other_namespaces() -> None:
    """Drop inherited mounts of named network namespaces, which would keep them alive."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        target = line.split()[1]
        if target.startswith("/run/netns/"):
            subprocess.run(["umount", "-l", target], check=False, stderr=subprocess.DEVNULL)


def make_mount(mount: Mount) -> None:
    source = Path(mount.source) if mount.kind in ("bind", "overlay") else None
    if source is not None and not source.exists():
        source.mkdir(parents=True)
    if not os.path.exists(mount.target):
        os.makedirs(mount.target)
    subprocess.run(mount_command(mount), check=True)


def mount_command(mount: Mount) -> list[str]:
    if mount.kind == "bind":
        return ["mount", "--rbind", mount.source, mount.target]
    if mount.kind == "overlay":
        layers = [mount.target, f"{mount.source}/upper", f"{mount.source}/work"]
        for folder in ("upper", "work"):
            os.makedirs(f"{mount.source}/{folder}", exist_ok=True)
        options = "lowerdir={},upperdir={},workdir={}".format(*layers)
        return ["mount", "-t", "overlay", "overlay", "-o", options, mount.target]
    flags = ["-o", mount.options] if mount.options else []
    return ["mount", "-t", mount.kind, *flags, mount.kind, mount.target]


def prepare(machine: Machine) -> None:
    join_cgroups(machine)
    socket.sethostname(machine.name)
    forget_other_namespaces()
    subprocess.run(["mount", "--make-rshared", "/"], check=True)
    for mount in machine.mounts:
        make_mount(mount)
    for name, text in machine.files.items():
        make_file(Path(name), text)
    for covered, shown in machine.covers.items():
        subprocess.run(["mount", "--bind", shown, covered], check=True)
    for name, owner in machine.owners.items():
        os.chown(name, owner, owner)


def make_file(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_symlink():  # as /etc/resolv.conf often is
        path.unlink()
    path.write_text(text)


@dataclass
class Running:
    """A unit and what became of it."""

    unit: Unit
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0
    not_before: float = 0.0
    kill_at: float = 0.0
    finished: bool = False

    def state(self) -> dict[str, object]:
        running = self.process is not None
        return {"running": running, "finished": self.finished, "starts": self.starts}


class Supervisor:
    """Keeps the units of one machine as they should be, until SIGTERM."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.folder = Path(machine.folder)
        self.units = [Running(unit) for unit in machine.units]
        self.told = ""

    def run(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        while True:
            for running in self.units:
                self.look_after(running)
            self.tell()
            got = signal.sigtimedwait(SIGNALS, self.pause())
            self.reap_orphans()
            if got is not None and got.si_signo in (signal.SIGTERM, signal.SIGINT):
                break
        self.stop_all()

    def pause(self) -> float:
        waiting = any(not unit.process and not unit.finished for unit in self.units)
        return LOOK_AROUND_AT_START if waiting else LOOK_AROUND

    def look_after(self, running: Running) -> None:
        held = hold_file(self.folder, running.unit.name).exists()
        if running.process is not None:
            self.look_at_process(running, held)
        elif not held and self.may_start(running):
            self.start(running)

    def look_at_process(self, running: Running, held: bool) -> None:
        assert running.process is not None
        if running.process.poll() is not None:
            self.note_end(running, running.process.returncode)
        elif held:
            self.ask_to_end(running)

    def ask_to_end(self, running: Running) -> None:
        assert running.process is not None
        if not running.kill_at:
            running.process.terminate()
            running.kill_at = time.monotonic() + PATIENCE
        elif time.monotonic() > running.kill_at:
            running.process.kill()

    def note_end(self, running: Running, status: int) -> None:
        running.process = None
        running.kill_at = 0.0
        running.not_before = time.monotonic() + RESTART_PAUSE
        if running.unit.creates and status == 0:
            Path(running.unit.creates).touch()
            running.finished = True

    def may_start(self, running: Running) -> bool:
        if running.finished or time.monotonic() < running.not_before:
            return False
        return all(os.path.exists(path) for path in running.unit.needs)

    def start(self, running: Running) -> None:
        log = Path(self.machine.log_folder, f"{running.unit.name}.log")
        with log.open("ab") as output:
            running.process = subprocess.Popen(
                running.unit.argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=unblock_signals,
            )
        running.starts += 1

    def tell(self) -> None:
        text = json.dumps({unit.unit.name: unit.state() for unit in self.units})
        if text != self.told:
            replace(units_file(self.folder), text)
            self.told = text

    def reap_orphans(self) -> None:
        """Collect children that are not units, as PID 1 must: shims whose parent ended."""
        ours = {unit.process.pid for unit in self.units if unit.process}
        while True:
            try:
                seen = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if seen is None or seen.si_pid in ours:
                return
            os.waitpid(seen.si_pid, 0)

    def stop_all(self) -> None:
        deadline = time.monotonic() + PATIENCE
        for running in reversed(self.units):
            if running.process is not None:
                running.process.terminate()
                wait_until(running.process, deadline)


def unblock_signals() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def wait_until(process: subprocess.Popen[bytes], deadline: float) -> None:
    try:
        process.wait(max(0.05, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        process.kill()


def replace(path: Path, text: str) -> None:
    """Write a file so that readers see the old text or the new, never half of it."""
    draft = path.with_name(f"{path.name}.new")
    draft.write_text(text)
    draft.rename(path)


def main() -> None:
    os.environ["PATH"] = PATH
    machine = Machine.from_json(Path(sys.argv[1]).read_text())
    Path(machine.log_folder).mkdir(parents=True, exist_ok=True)
    prepare(machine)
    Supervisor(machine).run()


if __name__ == "__main__":
    main()
