"""A playground as one object: what the command line and the tests use."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playground import lifecycle, limits, machines, packages
from playground.access import Access
from playground.errors import PlaygroundError
from playground.istio import install


def silent(_: str) -> None:
    """Says nothing."""


def _is_same(descriptor: int, path: Path) -> bool:
    return path.exists() and os.path.samestat(os.fstat(descriptor), path.stat())


class Playground(Access):
    """The playground of one name. Making the object touches nothing."""

    def up(self, node_count: int | None = None, say: Callable[[str], None] = silent) -> bool:
        """Bring it up, or what is missing of it. False: it was up already.

        The programs must be built (``build.build``). Raises: PlaygroundError.
        """
        packages.demand()
        with self._alone():
            limits.lift()
            return lifecycle.come_up(self, node_count, say)

    def add_istio(self, say: Callable[[str], None] = silent) -> bool:
        """Install Istio and the Gateway API's kinds on a playground that is up; they go with it.

        It must be built (``ISTIO.build``). False: it was there. Raises: PlaygroundError.
        """
        with self._alone():
            return install.install(self, say)

    def down(self) -> bool:
        """Take it down and remove all that is left of it. False: there was nothing."""
        packages.demand()
        with self._alone():
            found = lifecycle.remove(self)
            limits.lower()
            return found

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One ``up`` or ``down`` of a playground at a time; the next one waits.

        The lock's file goes with the playground, so whoever waited for it looks whether the file
        it has locked is still the one that others see.
        """
        lock = self.folder.lock
        lock.parent.mkdir(parents=True, exist_ok=True)
        while True:
            with lock.open("w") as opened:
                fcntl.flock(opened, fcntl.LOCK_EX)
                if not _is_same(opened.fileno(), lock):
                    continue
                yield
                if not self.folder.root.exists():
                    lock.unlink()
                return

    # -- parts that fail -------------------------------------------------------------------------

    def kill_node(self, name: str) -> None:
        """Take a node's power away: its programs and Pods end at once, its disk stays."""
        machines.kill(self.folder.machine(self.node(name).name))

    def stop_node(self, name: str) -> None:
        """Shut a node down: its programs are asked to end."""
        machines.stop(self.folder.machine(self.node(name).name))

    def start_node(self, name: str) -> None:
        """Start a node that was killed or stopped. Does not wait until it is Ready."""
        node = self.node(name)
        if not machines.is_running(self.folder.machine(node.name)):
            lifecycle.start(self, node.name)

    def components(self) -> dict[str, list[str]]:
        """The programs that each machine runs, by machine."""
        found = {name: machines.units(self.folder.machine(name)) for name in self.plan.machines}
        return {machine: list(units) for machine, units in found.items() if units}

    def stop_component(self, name: str, machine: str = "node1") -> None:
        """Stop a program and keep it stopped, such as kube-apiserver."""
        machines.hold(self.folder.machine(self._machine_with(name, machine)), name)

    def start_component(self, name: str, machine: str = "node1") -> None:
        """Let a stopped program run again. Returns when it is started, not when it is ready."""
        machines.release(self.folder.machine(self._machine_with(name, machine)), name)

    def restart_component(self, name: str, machine: str = "node1") -> None:
        self.stop_component(name, machine)
        self.start_component(name, machine)

    def _machine_with(self, component: str, machine: str) -> str:
        known = self.components()
        if component not in known.get(machine, []):
            there = ", ".join(known.get(machine, [])) or "nothing"
            raise PlaygroundError(f"{machine} does not run {component}", hint=f"it runs: {there}")
        return machine
