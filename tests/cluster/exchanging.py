"""A shop whose callers never stop, a developer's program on the laptop, and ktctl between them."""

import contextlib
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.drill import callers
from playground.cluster import Playground
from playground.router import ECHO
from playground.testing import Deploy
from tests.cluster.connecting import KTCTL, started, wait_until
from tests.cluster.patience import allowed, at_last
from tests.cluster.session import Session
from tests.cluster.world import Manifest, echo_template, service

LAPTOP = "laptop"
RATE = float(os.environ.get("KTCTL_TEST_RATE", "200"))
"""Calls a second."""
LONGEST = 6.0
"""Seconds that a caller waits at most, whatever happens to the laptop."""
CALLERS = Path(callers.__file__)
CALLER = Path(__file__).with_name("caller.py")
EVERYTHING = "services,configmaps,deployments,replicasets,pods,leases,serviceaccounts,roles"
PORTS = [
    {"name": "http", "port": 80, "targetPort": "web"},
    {"name": "tcp", "port": 8081},
    {"name": "udp", "port": 8080, "protocol": "UDP"},
]


@dataclass(frozen=True)
class Call:
    """One request: when it began, how many seconds it took, who answered, or why nobody did."""

    began: float
    seconds: float
    by: str
    failure: str

    @property
    def ended(self) -> float:
        return self.began + self.seconds

    @classmethod
    def parse(cls, line: str) -> "Call":
        began, seconds, by, *failure = line.split()
        return cls(float(began), float(seconds), "" if by == "-" else by, " ".join(failure))


class Shop:
    """The namespace of a test, with a Service ``web`` and two Pods behind it."""

    def __init__(self, cluster: Playground, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace
        Deploy(cluster, namespace)(web(cluster), service("web", ports=PORTS))

    def kubectl(self, *words: str) -> str:
        return self.cluster.kubectl("--namespace", self.namespace, *words)

    def get(self, *words: str) -> Any:
        return json.loads(self.kubectl("get", *words, "-o", "json"))

    def selector(self, name: str = "web") -> dict[str, str]:
        return dict(self.get("service", name)["spec"]["selector"])

    def service_text(self, name: str = "web") -> str:
        """All of the Service that anybody but the server writes, byte for byte."""
        found = self.get("service", name)
        kept = {key: found["metadata"].get(key) for key in ("labels", "annotations", "uid")}
        return json.dumps([found["spec"], kept])

    def objects(self) -> list[str]:
        """All that there is in the namespace, but for Pods that are ending."""
        items = self.get(EVERYTHING)["items"]
        return sorted(
            f"{each['kind']}/{each['metadata']['name']}"
            for each in items
            if "deletionTimestamp" not in each["metadata"]
        )

    def ask(self, way: str, host: str = "web", port: int = 80) -> Any:
        """What a Pod of the namespace gets back; see ``caller.py``."""
        words = ("python3", "-c", CALLER.read_text(), way, host, str(port))
        return json.loads(self.kubectl("exec", "caller", "--", *words))

    def open(self) -> "Shop":
        """With a Pod that asks."""
        self.start_pod("caller", "import time; time.sleep(1e6)")
        return self

    def addresses(self, name: str = "web") -> list[str]:
        """The Service's own, of both families."""
        return list(self.get("service", name)["spec"]["clusterIPs"])

    @contextlib.contextmanager
    def calling(self, host: str = "web", port: int = 80, rate: float = RATE) -> Iterator["Callers"]:
        """The Service is called all the time while the block runs."""
        self.start_pod("callers", CALLERS.read_text(), host, str(port), f"{rate:g}")
        try:
            yield Callers(self)
        finally:
            self.kubectl("delete", "pod", "callers", "--now", "--wait=false")

    def start_pod(self, name: str, script: str, *words: str) -> None:
        """A Pod of its own that runs a script."""
        container = {
            "name": "main",
            "image": self.cluster.state.images["python"],
            "command": ["python3", "-u", "-c", script, *words],
        }
        spec = {"containers": [container], "terminationGracePeriodSeconds": 0}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
        Deploy(self.cluster, self.namespace)(pod)


class Callers:
    """Those who call the Service, and what became of their calls."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def calls(self, newest: int = -1) -> list[Call]:
        told = self._shop.kubectl("logs", "callers", f"--tail={newest}")
        return [Call.parse(line) for line in told.splitlines()]

    def wait_for(self, wanted: Callable[[Call], bool], within: float = 15) -> None:
        """Until one of the newest calls is so."""
        wait_until(lambda: any(map(wanted, self.calls(20))), within=within, every=0.3)

    def served_by_laptop(self) -> None:
        self.wait_for(lambda call: call.by == LAPTOP)

    def served_by_pods(self) -> None:
        self.wait_for(lambda call: call.by.startswith("web-"))

    def nobody_noticed(self, died: float = 0.0) -> list[Call]:
        """All calls: none failed, and none took long.

        Those that the laptop had taken already when it ``died`` end with it.
        """
        calls = self.calls()
        failed = [call for call in calls if call.failure and not call.began < died < call.ended]
        assert failed == [], f"{len(failed)} of {len(calls)}: {failed[:5]}"
        longest = max(calls, key=lambda call: call.seconds)
        assert longest.seconds <= allowed(LONGEST), longest
        return calls


def web(cluster: Playground, name: str = "web", replicas: int = 2) -> Manifest:
    """A Deployment of echoes whose port 8080 is called ``web``."""
    labels = {"app": name}
    template = echo_template(cluster, labels)
    template["spec"]["containers"][0]["ports"] = [{"name": "web", "containerPort": 8080}]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": template,
        },
    }


@dataclass(frozen=True)
class Local:
    """Where the developer's program listens on the laptop, which others use at the same time."""

    http: int
    tcp: int
    udp: int


@contextlib.contextmanager
def local_program(cluster: Playground, name: str = LAPTOP) -> Iterator[Local]:
    """It runs for as long as the block."""
    local = Local(*random.sample(range(20000, 30000), 3))
    flags = [
        word for kind in ("http", "tcp", "udp") for word in (f"--{kind}", getattr(local, kind))
    ]
    process = cluster.laptop_popen(
        ["env", f"POD_NAME={name}", sys.executable, str(ECHO), *map(str, flags)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        look = ["sh", "-c", f"ss -Hltn 'sport = :{local.http}' | grep -q ."]
        wait_until(lambda: cluster.laptop(look).returncode == 0)
        yield local
    finally:
        process.kill()
        process.wait()


def argv(cluster: Playground, namespace: str, *words: str) -> list[str]:
    """``ktctl WORDS`` with the image that the playground has."""
    image = ["--image", cluster.state.images["python"]]
    return [KTCTL, *words, "-n", namespace, *image, "-o", "json"]


@contextlib.contextmanager
def serving(
    cluster: Playground, namespace: str, *words: str, env: dict[str, str] | None = None
) -> Iterator[Session]:
    """``ktctl WORDS`` is ready and runs in the block; ended by SIGINT then, which must succeed.

    A session that the block ended itself is left at that.
    """
    with started(cluster, argv(cluster, namespace, *words), env=env) as session:
        session.wait_for(lambda event: event["event"] == "ready", at_last(10))
        yield session
        if session.process.poll() is None:
            code = session.stop()
            assert code == 0, f"exit code {code}:\n{session.story()}"


def said(session: Session, text: str, within: float = 20) -> dict[str, Any]:
    """The first note or warning with this text in it."""
    return session.wait_for(lambda event: text in str(event.get("message", "")), within)


def ended_calls(session: Session) -> Sequence[dict[str, Any]]:
    return [event for event in session.events if event["event"] == "call"]


def pause(seconds: float) -> None:
    """Let callers call: what is counted is what they meet in that time."""
    time.sleep(seconds)
