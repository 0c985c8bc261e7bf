"""Where it is drilled: a Service with two Pods behind it, and a Pod that calls it all the time."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playground import images
from playground.cluster import Playground
from playground.commands import run

from bench.drill.calls import LAPTOP, Call, parse
from bench.errors import BenchError

NAMESPACE, SERVICE, CALLERS, PORT = "drill", "shop", "callers", 8080
PAUSE = 0.25
"""Seconds between two looks; each starts a kubectl, which must not become the load itself."""
HERE = Path(__file__).parent
KTCTL = str(Path(sys.executable).with_name("ktctl"))
ECHO = Path(images.__file__).parent / "builtin" / "echo" / "echo.py"
Manifest = dict[str, Any]


class Site:
    """A playground with the Service and its callers."""

    def __init__(self, playground: Playground, rate: float) -> None:
        self.playground = playground
        self._rate = rate

    def prepare(self) -> None:
        """Begin with a new namespace in which agents may undo a session. Raises: BenchError."""
        self.remove(wait=True)
        self.playground.kubectl("create", "namespace", NAMESPACE)
        self.playground.apply([_servers(self._image("echo")), _service()], NAMESPACE)
        self.kubectl("rollout", "status", f"deployment/{SERVICE}", "--timeout=90s")
        self.ktctl("setup")

    def remove(self, *, wait: bool = False) -> None:
        words = ("delete", "namespace", NAMESPACE, "--ignore-not-found")
        self.playground.kubectl(*words, f"--wait={str(wait).lower()}")

    def kubectl(self, *words: str) -> str:
        """As the admin, from a node: the laptop's cable may be cut. Raises: PlaygroundError."""
        program = str(Path(self.playground.state.binaries) / "kubectl")
        flags = (f"--kubeconfig={self.playground.kubeconfig}", f"--namespace={NAMESPACE}")
        return run(self.playground.node_command("node1", program, *flags, *words))

    def ktctl(self, *words: str) -> None:
        """Run a short command of ktctl on the laptop. Raises: BenchError if it fails."""
        done = self.playground.laptop([KTCTL, *words, "-n", NAMESPACE])
        if done.returncode:
            raise BenchError(f"ktctl {words[0]} failed: {done.stderr or done.stdout}")

    def exchange(self, restore_after: int) -> list[str]:
        """The command line that is drilled."""
        flags = ["--restoreAfter", str(restore_after), "--image", self._image("python")]
        words = ["exchange", SERVICE, "--expose", str(PORT), "-n", NAMESPACE, "-o", "json"]
        return [KTCTL, *words, *flags]

    def selector(self) -> Manifest:
        """The Service's, as it is now."""
        service = json.loads(self.kubectl("get", "service", SERVICE, "-o", "json"))
        return dict(service["spec"]["selector"])

    @contextmanager
    def local_program(self) -> Iterator[None]:
        """The developer's program on the laptop, for as long as the block."""
        command = ["env", f"POD_NAME={LAPTOP}", sys.executable, str(ECHO)]
        process = self.playground.laptop_popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            yield
        finally:
            process.kill()
            process.wait()

    def start_callers(self) -> None:
        """Call the Service from now on. Raises: PlaygroundError if it doesn't come up."""
        self.stop_callers()
        self.playground.apply([self._callers()], NAMESPACE)
        self.kubectl("wait", f"pod/{CALLERS}", "--for=condition=Ready", "--timeout=60s")

    def stop_callers(self) -> None:
        self.kubectl("delete", "pod", CALLERS, "--ignore-not-found", "--now")

    def calls(self, newest: int = -1) -> list[Call]:
        """The calls that are over since ``start_callers``; all, or the ``newest`` of them."""
        told = self.kubectl("logs", CALLERS, f"--tail={newest}")
        return [parse(line) for line in told.splitlines()]

    def _callers(self) -> Manifest:
        words = [(HERE / "callers.py").read_text(), SERVICE, str(PORT), str(self._rate)]
        container = {
            "name": CALLERS,
            "image": self._image("python"),
            "imagePullPolicy": "IfNotPresent",
            "command": ["python3", "-c", *words],
        }
        spec = {"containers": [container], "terminationGracePeriodSeconds": 0}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": CALLERS}, "spec": spec}

    def _image(self, name: str) -> str:
        return str(self.playground.state.images[name])


def wait_for(what: str, found: Any, within: float) -> Any:
    """What ``found`` returns, once it is true. Raises: BenchError."""
    deadline = time.monotonic() + within
    while not (result := found()):
        if time.monotonic() > deadline:
            raise BenchError(f"{what}: not within {within:g} s")
        time.sleep(PAUSE)
    return result


def _servers(image: str) -> Manifest:
    labels = {"app": SERVICE}
    name = {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    container = {
        "name": SERVICE,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "env": [name],
        "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1},
    }
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": SERVICE},
        "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": template},
    }


def _service() -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": SERVICE},
        "spec": {"selector": {"app": SERVICE}, "ports": [{"port": PORT}]},
    }
