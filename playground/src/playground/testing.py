"""What the fixtures of the tests are made of."""

import subprocess
from types import TracebackType
from typing import Any

import yaml

from playground.cluster import Playground
from playground.manifests import Manifest

READY_WITHIN = "240s"
_WAITED_FOR = {
    "Deployment": "rollout",
    "StatefulSet": "rollout",
    "DaemonSet": "rollout",
    "Pod": "--for=condition=Ready",
    "Job": "--for=condition=Complete",
}


class Laptop:
    """Runs commands on a playground's laptop; ends at the end what it left running."""

    def __init__(self, playground: Playground) -> None:
        self.playground = playground
        self._started: list[subprocess.Popen[Any]] = []

    def __call__(
        self, *argv: str, user: int | None = None, check: bool = False, **options: Any
    ) -> "subprocess.CompletedProcess[str]":
        """Run to the end. ``user=1000`` is the ordinary user; ``check`` asserts success."""
        done = self.playground.laptop(argv, user=user, **options)
        assert not check or done.returncode == 0, f"{argv} failed: {done.stdout}{done.stderr}"
        return done

    def popen(self, *argv: str, user: int | None = None, **options: Any) -> "subprocess.Popen[Any]":
        """Start a command and leave it running; its PID and signals are its own."""
        process = self.playground.laptop_popen(argv, user=user, **options)
        self._started.append(process)
        return process

    def __enter__(self) -> "Laptop":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in self._started:
            _end(process)


def _end(process: "subprocess.Popen[Any]") -> None:
    """Give it the time to undo what it did, and close our ends of its pipes."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


class Deploy:
    """Applies manifests in one namespace and waits until what they make is Ready."""

    def __init__(self, playground: Playground, namespace: str) -> None:
        self.playground = playground
        self.namespace = namespace

    def __call__(self, *manifests: Manifest | str, wait: bool = True) -> None:
        """Each is an object, or YAML of some. Raises: PlaygroundError."""
        objects = [found for each in manifests for found in _objects(each)]
        self.playground.apply(objects, self.namespace)
        for found in objects if wait else []:
            self._wait(found)

    def _wait(self, found: Manifest) -> None:
        how = _WAITED_FOR.get(found["kind"])
        if how is None:
            return
        namespace = found["metadata"].get("namespace", self.namespace)
        name = f"{found['kind'].lower()}/{found['metadata']['name']}"
        words = ["rollout", "status"] if how == "rollout" else ["wait", how]
        timeout = f"--timeout={READY_WITHIN}"
        self.playground.kubectl(*words, name, f"--namespace={namespace}", timeout)


def _objects(given: Manifest | str) -> list[Manifest]:
    if isinstance(given, str):
        return [each for each in yaml.safe_load_all(given) if each]
    return [given]
