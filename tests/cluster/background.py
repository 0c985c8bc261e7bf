"""Sessions in the background of a laptop that no other test uses: its own ``~/.kt``."""

import contextlib
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playground.cluster import Playground
from tests.cluster.connecting import HOME, KTCTL, Ended, run_ktctl, wait_until
from tests.cluster.processes import is_running


@dataclass(frozen=True)
class Desk:
    """A user of the laptop, who works in one namespace."""

    cluster: Playground
    namespace: str
    home: Path

    @property
    def env(self) -> dict[str, str]:
        return {"HOME": str(self.home)}

    @property
    def image(self) -> list[str]:
        return ["-n", self.namespace, "--image", self.cluster.state.images["python"]]

    def run(self, *argv: str) -> Ended:
        """``ktctl ARGV`` to its end."""
        return run_ktctl(self.cluster, *argv, env=self.env)

    def command(self, *argv: str) -> list[str]:
        """The words of a ktctl that makes an agent."""
        return [KTCTL, *argv, *self.image]

    def detached(self, *argv: str) -> dict[str, Any]:
        """``ktctl ARGV --detach``: the event that told it is ready."""
        done = self.run(*argv, *self.image, "--detach", "-o", "json")
        assert done.code == 0, done
        return next(event for event in done.events if event["event"] == "ready")

    def sessions(self, command: str = "ps") -> list[dict[str, Any]]:
        """What ``ktctl ps`` lists."""
        done = self.run(command, "-o", "json")
        assert done.code in (0, 9), done
        found: list[dict[str, Any]] = json.loads(done.stdout)["sessions"]
        return found

    def files(self) -> list[str]:
        """What is left of sessions, but for what they said."""
        folders = (f"{self.home}/.kt/{folder}" for folder in ("pid", "run", "journal"))
        done = self.cluster.laptop(["find", *folders, "-type", "f", "-o", "-type", "s"])
        return sorted(Path(line).name for line in done.stdout.splitlines())

    def remove(self, name: str) -> None:
        """Remove a file of ``~/.kt``."""
        assert self.cluster.laptop(["rm", f"{self.home}/.kt/{name}"]).returncode == 0

    def wait_ended(self, pid: int, within: float = 20) -> None:
        """Until a process has ended."""
        wait_until(lambda: not is_running(pid), within)


@contextlib.contextmanager
def at_desk(cluster: Playground, namespace: str) -> Iterator[Desk]:
    """A desk; what still runs on it afterwards is ended."""
    desk = Desk(cluster, namespace, Path(HOME) / f"desk-{uuid.uuid4().hex[:8]}")
    cluster.laptop(["mkdir", "-p", str(desk.home)])
    try:
        yield desk
    finally:
        desk.run("stop", "--all", "--timeout", "20", "--force")
        cluster.laptop(["rm", "-rf", str(desk.home)])
