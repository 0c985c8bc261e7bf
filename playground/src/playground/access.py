"""What one does with a playground that is there: look at it, run things in it."""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playground import machines, state
from playground.commands import run
from playground.errors import PlaygroundError
from playground.folders import RunFolder, cache
from playground.images.store import Image, Store
from playground.laptop import Entrance
from playground.manifests import Manifest
from playground.plan import Node, Plan
from playground.state import State


class Access:
    """The playground of one name. Making the object touches nothing."""

    def __init__(self, name: str = "default") -> None:
        Plan(name, 1)  # checks the name
        self.name = name
        self.folder = RunFolder(name)

    @property
    def command(self) -> str:
        """What the command line for it begins with: ``playground --name NAME``."""
        return "playground" if self.name == "default" else f"playground --name {self.name}"

    # -- what is there ---------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """Raises: PlaygroundError if there is no such playground."""
        found = state.load(self.folder)
        if found is None:
            raise PlaygroundError(
                f"there is no playground {self.name}", hint=f"`{self.command} up` makes one"
            )
        return found

    @property
    def plan(self) -> Plan:
        return Plan(self.name, self.state.node_count)

    @property
    def kubeconfig(self) -> Path:
        """The admin's. Its API server is reached from the laptop and the nodes only."""
        return self.folder.kubeconfig

    @property
    def is_up(self) -> bool:
        """Whether it came up once and all its machines run now."""
        return self.folder.came_up.exists() and not self.stopped_machines()

    def stopped_machines(self) -> list[str]:
        """The machines that should run but don't."""
        names = [name for name in self.plan.machines if name != "line"]
        return [name for name in names if not machines.is_running(self.folder.machine(name))]

    def node(self, name: str) -> Node:
        """Raises: PlaygroundError if there is no such node."""
        for node in self.plan.nodes:
            if node.name == name:
                return node
        known = ", ".join(node.name for node in self.plan.nodes)
        raise PlaygroundError(f"there is no node {name}", hint=f"nodes: {known}")

    # -- the cluster -----------------------------------------------------------------------------

    def kubectl(self, *args: str, stdin: str | None = None) -> str:
        """Run kubectl as the cluster's admin, from the laptop. Raises: PlaygroundError."""
        return run(self.kubectl_command(*args), stdin=stdin)

    def kubectl_command(self, *args: str) -> list[str]:
        entrance = self.entrance
        kubectl = str(Path(self.state.binaries) / "kubectl")
        return entrance.command([kubectl, f"--kubeconfig={self.kubeconfig}", *args])

    def get(self, *args: str) -> dict[str, Any]:
        """``kubectl get … -o json``, parsed. Raises: PlaygroundError."""
        found: dict[str, Any] = json.loads(self.kubectl("get", *args, "-o", "json"))
        return found

    def apply(self, objects: Sequence[Manifest], namespace: str = "") -> None:
        """Server-side apply; ``namespace`` is for objects that name none.

        Raises: PlaygroundError.
        """
        listed = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        flags = ["--server-side", "--force-conflicts", "--field-manager=playground"]
        flags += [f"--namespace={namespace}"] if namespace else []
        self.kubectl("apply", *flags, "-f", "-", stdin=json.dumps(listed))

    # -- the laptop ------------------------------------------------------------------------------

    @property
    def entrance(self) -> Entrance:
        """The way into the laptop. Raises: PlaygroundError if it does not run."""
        pid = machines.pid_of(self.folder.machine("laptop"))
        if pid is None:
            self.state  # noqa: B018 — no such playground is the better message
            raise PlaygroundError(
                f"the laptop of playground {self.name} does not run",
                hint=f"`{self.command} up` starts it",
            )
        return Entrance(pid, self.kubeconfig)

    def laptop(
        self, argv: Sequence[str], *, user: int | None = None, **options: Any
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command on the laptop; ``options`` are those of ``subprocess.run``."""
        options = {"capture_output": True, "text": True, "timeout": 180, "check": False, **options}
        command, options = self._on_laptop(argv, user, options)
        done: subprocess.CompletedProcess[str] = subprocess.run(command, **options)
        return done

    def laptop_popen(
        self, argv: Sequence[str], *, user: int | None = None, **options: Any
    ) -> "subprocess.Popen[Any]":
        """Start a command on the laptop; its PID is the command's own. The caller ends it."""
        command, options = self._on_laptop(argv, user, options)
        return subprocess.Popen(command, **options)

    def _on_laptop(
        self, argv: Sequence[str], user: int | None, options: dict[str, Any]
    ) -> tuple[list[str], dict[str, Any]]:
        entrance = self.entrance
        outer = options.get("env") or dict(os.environ)
        folder = str(options.pop("cwd", None) or "")
        options["env"] = entrance.environment(outer, user=user)
        return entrance.command(list(argv), user=user, folder=folder), options

    # -- images ----------------------------------------------------------------------------------

    @property
    def store(self) -> Store:
        """The cache of images, for the programs that this playground runs."""
        return Store(cache() / "images", Path(self.state.binaries))

    def load(self, name: str, reference: str, archive: Path) -> None:
        """Give an image's archive to every node, also to those that are started later."""
        known = self.state
        known.images[name] = reference
        known.archives = [*dict.fromkeys([*known.archives, str(archive)])]
        known.save(self.folder)
        for node in self.plan.nodes:
            self._import(node, archive)

    def load_image(self, image: Image) -> None:
        """Like ``load``, for an image that the store built."""
        self.load(image.name, image.reference, image.file)

    def provide(self, image: Image) -> str:
        """Load an image that the store built, unless just this one is loaded; its reference."""
        if str(image.file) not in self.state.archives:
            self.load_image(image)
        return image.reference

    def _import(self, node: Node, archive: Path) -> None:
        if command := self.node_command(node.name, "ctr", "-n", "k8s.io", "images", "import"):
            run([*command, str(archive)], timeout=300)

    # -- nodes -----------------------------------------------------------------------------------

    def node_command(self, name: str, *argv: str) -> list[str]:
        """A command line that runs ``argv`` on a node; empty if the node does not run."""
        pid = machines.inner_pid(self.folder.machine(self.node(name).name))
        if pid is None:
            return []
        return ["nsenter", f"--target={pid}", "--mount", "--net", "--pid", "--uts", "--", *argv]
