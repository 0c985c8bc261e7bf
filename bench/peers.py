"""The ways into the cluster that are compared: each starts, stops, and says where a port is."""

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Protocol

from bench import rows
from bench.errors import BenchError
from bench.site import BULK, ECHO, HTTP, NAMESPACE, SSH, Address, Site, probe_command

START_WITHIN = 60.0
STOP_WITHIN = 20.0
LOCAL = 10_000  # added to a port for its place on the laptop's loopback


class Peer(Protocol):
    """One way into the cluster."""

    name: str

    def start(self) -> None:
        """Begin; ``reach`` waits until it works."""

    def stop(self) -> None:
        """End it and wait until it is gone. Idempotent."""

    def has_ended(self) -> bool:
        """Whether one of its programs ended by itself."""

    def said(self) -> str:
        """Its last words."""

    def address_for(self, port: int) -> Address:
        """Where the target Pod's port is reached."""

    def laptop_pids(self) -> list[int]:
        """The roots of its processes on the laptop."""

    def agent_selector(self) -> str:
        """Labels of its Pod; empty if it has none."""

    def dns_words(self) -> list[str]:
        """How dnsperf asks the cluster's DNS through it."""


class Started:
    """Programs on the laptop that end together, last first. Closes: their output."""

    def __init__(self, site: Site, log: Path) -> None:
        self.site = site
        self._log = log
        self._running: list[subprocess.Popen[str]] = []

    def __call__(self, *argv: str, stdout: int | IO[str] | None = None) -> "subprocess.Popen[str]":
        with self._log.open("a") as log:
            process = self.site.start(
                argv, stdin=subprocess.DEVNULL, stdout=stdout or log, stderr=log
            )
        self._running.append(process)
        return process

    def pids(self) -> list[int]:
        return [process.pid for process in self._running]

    def last_line(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines() if self._log.exists() else []
        return lines[-1][:300] if lines else ""

    def has_ended(self) -> bool:
        return any(process.poll() is not None for process in self._running)

    def stop(self) -> None:
        while self._running:
            end(self._running.pop())


def end(process: "subprocess.Popen[str]") -> None:
    """Ask a process to end, and make it."""
    process.terminate()
    try:
        process.wait(STOP_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


class Programs:
    """A peer that is programs on the laptop."""

    def __init__(self, site: Site, log: Path) -> None:
        self._site = site
        self._started = Started(site, log)

    def stop(self) -> None:
        self._started.stop()

    def has_ended(self) -> bool:
        return self._started.has_ended()

    def said(self) -> str:
        return self._started.last_line()

    def laptop_pids(self) -> list[int]:
        return self._started.pids()


class KubectlForward(Programs):
    """`kubectl port-forward` to the target Pod."""

    name = rows.KUBECTL

    def __init__(self, site: Site, folder: Path) -> None:
        super().__init__(site, folder / "kubectl.log")

    def start(self) -> None:
        self._started(*forward("pod/target", HTTP, BULK, ECHO))

    def address_for(self, port: int) -> Address:
        return Address("127.0.0.1", LOCAL + port)

    def agent_selector(self) -> str:
        return ""

    def dns_words(self) -> list[str]:
        """Port-forward has no UDP."""
        return ["-m", "tcp", "-s", "127.0.0.1", "-p", str(LOCAL + 53)]


def forward(target: str, *ports: int, namespace: str = NAMESPACE) -> list[str]:
    pairs = [f"{LOCAL + port}:{port}" for port in ports]
    return ["kubectl", "port-forward", "--namespace", namespace, target, *pairs]


class Sshuttle(Programs):
    """sshuttle over OpenSSH over `kubectl port-forward`, as KT Connect's classic mode did it."""

    name = rows.SSHUTTLE

    def __init__(self, site: Site, folder: Path) -> None:
        super().__init__(site, folder / "sshuttle.log")
        self._folder = folder
        self._address = ""

    def start(self) -> None:
        self._address = self._address or self._site.service_address("beside")
        self._started(*forward("pod/sshd", SSH))
        wait_for_port(self._site, LOCAL + SSH)
        ssh = (
            f"ssh -i {self._folder}/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
        )
        program = str(Path(sys.executable).with_name("sshuttle"))
        remote = ["--ssh-cmd", ssh, "--remote", f"root@127.0.0.1:{LOCAL + SSH}"]
        dns = ["--dns", "--to-ns", "10.96.0.10"]
        self._started(program, "--method", "nft", *dns, *remote, f"{self._address}/32")

    def address_for(self, port: int) -> Address:
        return Address(self._address, port)

    def agent_selector(self) -> str:
        return "app=sshd"

    def dns_words(self) -> list[str]:
        """It catches what goes to the name servers of resolv.conf."""
        return ["-s", "10.214.0.1"]


def wait_for_port(site: Site, port: int) -> None:
    """Wait until something listens on the laptop's loopback. Raises: BenchError."""
    words = [
        "bash",
        "-c",
        f"until (echo >/dev/tcp/127.0.0.1/{port}) 2>/dev/null; do sleep 0.01; done",
    ]
    site.run(words, within=START_WITHIN)


class Ktctl(Programs):
    """`ktctl connect`."""

    name = rows.OURS

    def __init__(self, site: Site, folder: Path) -> None:
        super().__init__(site, folder / "ktctl.log")
        self._address = ""
        self.status: dict[str, Any] = {}  # what it last said of itself

    def start(self) -> None:
        self._address = self._address or self._site.service_address("target")
        others = self._site.service_address("beside")
        program = str(Path(sys.executable).with_name("ktctl"))
        words = ["connect", "--namespace", NAMESPACE, "--excludeIps", f"{others}/32", "-o", "json"]
        process = self._started(program, *words, stdout=subprocess.PIPE)
        threading.Thread(target=self._follow, args=(process,), daemon=True).start()

    def _follow(self, process: "subprocess.Popen[str]") -> None:
        with contextlib.suppress(ValueError):  # the pipe is closed when it is stopped
            for said in _objects(process):
                if said.get("event") in ("status", "error"):
                    self.status = said

    def said(self) -> str:
        return str(self.status.get("message") or self.status.get("reason") or super().said())

    def address_for(self, port: int) -> Address:
        return Address(self._address, port)

    def agent_selector(self) -> str:
        return "control-by=kt"

    def dns_words(self) -> list[str]:
        resolver = self._site.run(["awk", "/^nameserver/ {print $2; exit}", "/etc/resolv.conf"])
        return ["-s", resolver.strip()]


def _objects(process: "subprocess.Popen[str]") -> Iterator[dict[str, Any]]:
    assert process.stdout is not None
    for text in process.stdout:
        with contextlib.suppress(json.JSONDecodeError):
            yield json.loads(text)


def reach(site: Site, peer: Peer, port: int) -> float:
    """Wait for the first byte through a peer; the monotonic time when it came.

    Raises: BenchError if it does not come.
    """
    words = [*peer.address_for(port).words, f"{START_WITHIN:g}"]
    try:
        return float(site.run(probe_command("firstbyte", *words), within=START_WITHIN + 10))
    except BenchError as error:
        raise BenchError(f"{peer.name} does not work: {peer.said() or error}") from None
