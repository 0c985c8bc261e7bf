"""Where it is measured: a playground, two Pods to measure against, and the laptop."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playground import line
from playground.cluster import Playground

from bench.errors import BenchError

HERE = Path(__file__).parent
NAMESPACE = "bench"
HTTP, BULK, ECHO, SSH = 8080, 5201, 7000, 22
_PORTS = (HTTP, BULK, ECHO)
Manifest = dict[str, Any]


@dataclass(frozen=True)
class Address:
    """Where a load generator on the laptop connects to."""

    host: str
    port: int

    @property
    def words(self) -> list[str]:
        return [self.host, str(self.port)]


class Site:
    """A playground with what is measured against. Making the object touches nothing."""

    def __init__(self, playground: Playground) -> None:
        self.playground = playground

    def prepare(self, public_key: str) -> None:
        """Make the image, the Pods and the Services, and wait until they are Ready."""
        self.playground.load_image(self.playground.store.build(HERE / "pod"))
        self.playground.apply([_object("v1", "Namespace", NAMESPACE)])
        self.kubectl("delete", "pod", "--all", "--now")  # their key is of an earlier run
        self.playground.apply(_manifests(public_key), NAMESPACE)
        self.kubectl("wait", "pod", "--all", "--for=condition=Ready", "--timeout=60s")

    def remove(self) -> None:
        self.playground.kubectl("delete", "namespace", NAMESPACE, "--wait=false")

    def set_delay(self, milliseconds: int) -> None:
        """Put a round trip between laptop and cluster. Open connections should not outlive it."""
        line.put(self.playground, line.Line(delay=milliseconds))

    # -- the cluster -----------------------------------------------------------------------------

    def kubectl(self, *words: str) -> str:
        return self.playground.kubectl("--namespace", NAMESPACE, *words)

    def service_address(self, name: str) -> str:
        return self.kubectl("get", "service", name, "-o", "jsonpath={.spec.clusterIP}")

    def pod_uids(self, selector: str) -> list[str]:
        """Of the Pods that carry these labels."""
        path = "jsonpath={.items[*].metadata.uid}"
        return self.kubectl("get", "pods", "-l", selector, "-o", path).split()

    # -- the laptop ------------------------------------------------------------------------------

    def run(self, argv: Sequence[str], *, within: float = 60) -> str:
        """Run a load generator on the laptop. Raises: BenchError if it fails."""
        try:
            done = self.playground.laptop(argv, timeout=within)
        except subprocess.TimeoutExpired:
            raise BenchError(f"{argv[0]} did not end within {within:.0f} s") from None
        if done.returncode:
            raise BenchError(f"{Path(argv[0]).name} failed: {_said(done.stderr or done.stdout)}")
        return done.stdout

    def start(self, argv: Sequence[str], **options: Any) -> "subprocess.Popen[str]":
        """Start a command on the laptop; the caller ends it."""
        return self.playground.laptop_popen(argv, text=True, **options)

    def probe(self, name: str, *words: str, within: float = 60) -> Any:
        """What one of our own probes printed, as JSON."""
        return json.loads(self.run(probe_command(name, *words), within=within))


def probe_command(name: str, *words: str) -> list[str]:
    return [sys.executable, str(HERE / "probes" / f"{name}.py"), *words]


def _said(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1][:200] if lines else "(it said nothing)"


def _object(api: str, kind: str, name: str, **rest: Any) -> Manifest:
    return {
        "apiVersion": api,
        "kind": kind,
        "metadata": {"name": name, "labels": {"app": name}},
    } | rest


def _manifests(public_key: str) -> list[Manifest]:
    """Two Services of one Pod: sshuttle gets one of its own, so that both can be up at once."""
    key = {"name": "AUTHORIZED_KEY", "value": public_key}
    return [
        _pod("target", _PORTS, []),
        _pod("sshd", (SSH,), [key]),
        _service("target"),
        _service("beside"),
    ]


def _pod(role: str, ports: Sequence[int], environment: list[dict[str, str]]) -> Manifest:
    container = {
        "name": role,
        "image": "kt.local/bench:1",
        "imagePullPolicy": "IfNotPresent",
        "args": [role],
        "env": environment,
        "readinessProbe": {"tcpSocket": {"port": ports[0]}, "periodSeconds": 1},
    }
    return _object(
        "v1", "Pod", role, spec={"containers": [container], "terminationGracePeriodSeconds": 1}
    )


def _service(name: str) -> Manifest:
    ports = [{"name": f"p{port}", "port": port} for port in _PORTS]
    return _object("v1", "Service", name, spec={"selector": {"app": "target"}, "ports": ports})
