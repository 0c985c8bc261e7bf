"""From the cluster to the laptop: `ktctl exchange` next to `ssh -R` over port-forward.

The load generators run in a Pod; what they measure answers on the laptop. `ssh -R` listens in
that same Pod, so its callers are spared the way over a Service that ours take.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import rows
from bench.errors import BenchError
from bench.figures import percentile
from bench.measure import Field, Measure, Values
from bench.peers import LOCAL, START_WITHIN, Peer, Programs, end, forward, wait_for_port
from bench.site import BULK, ECHO, HTTP, NAMESPACE, SSH, Address, Site, probe_command

CALLERS = "sshd"
"""The Pod that calls."""

TAKEN = "beside"
"""The Service whose callers come to the laptop."""

PEERS = (rows.OURS, rows.SSH)
PORTS = (HTTP, BULK, ECHO)
SECONDS = 2.0
WARM_UP = 0.5
RATE = 2_000
"""New connections a second that must all be answered."""


class FromPod(Site):
    """The same place, seen by load generators that run in a Pod."""

    def __init__(self, site: Site) -> None:
        super().__init__(site.playground)

    def run(self, argv: Sequence[str], *, within: float = 60) -> str:
        """Run one of our probes in the Pod. Raises: BenchError if it fails."""
        _, probe, *words = argv
        command = ["kubectl", "exec", "-i", "-n", NAMESPACE, CALLERS, "--", "python3", "-", *words]
        with Path(probe).open() as source:
            process = self.start(
                command, stdin=source, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
            try:
                said, problem = process.communicate(timeout=within)
            except subprocess.TimeoutExpired:
                raise BenchError(f"{probe} did not end within {within:.0f} s") from None
            finally:
                end(process)
        if process.returncode:
            raise BenchError(f"{Path(probe).name} failed: {problem.strip()[-200:]}")
        return said


@contextmanager
def answering(site: Site) -> Iterator[None]:
    """The developer's programs on the laptop."""
    commands = [
        probe_command("answering", str(HTTP), str(ECHO)),
        probe_command("bulk", "serve", str(BULK)),
    ]
    running = [
        site.start(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,  # knocks that say nothing are no news
        )
        for command in commands
    ]
    try:
        for port in PORTS:
            wait_for_port(site, port)
        yield
    finally:
        for process in running:
            end(process)


class Exchange(Programs):
    """`ktctl exchange`."""

    name = rows.OURS

    def __init__(self, site: Site, folder: Path) -> None:
        super().__init__(site, folder / "exchange.log")
        self._address = ""
        self._ready = threading.Event()
        self._last: dict[str, Any] = {}

    def start(self) -> None:
        """Return once callers come to the laptop: before, the origin would answer them."""
        self._address = self._site.service_address(TAKEN)
        self._ready.clear()
        program = str(Path(sys.executable).with_name("ktctl"))
        ports = ",".join(map(str, PORTS))
        image = str(self._site.playground.state.images["python"])
        words = ["exchange", TAKEN, "--expose", ports, "-n", NAMESPACE, "-i", image, "-o", "json"]
        process = self._started(program, *words, stdout=subprocess.PIPE)
        threading.Thread(target=self._follow, args=(process,), daemon=True).start()
        if not self._ready.wait(START_WITHIN):
            raise BenchError(f"exchange does not come up: {self.said()}")

    def _follow(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        for text in process.stdout:
            if text.startswith("{"):
                self._last = json.loads(text)
            if self._last.get("event") == "ready":
                self._ready.set()

    def said(self) -> str:
        return str(self._last.get("message") or super().said())

    def address_for(self, port: int) -> Address:
        return Address(self._address, port)

    def agent_selector(self) -> str:
        return "kt-role=exchange"

    def dns_words(self) -> list[str]:
        return []


class SshRemote(Programs):
    """`ssh -R` over `kubectl port-forward`: what KT Connect's exchange is made of."""

    name = rows.SSH

    def __init__(self, site: Site, folder: Path) -> None:
        super().__init__(site, folder / "ssh.log")
        self._key = folder / "key"

    def start(self) -> None:
        self._started(*forward(f"pod/{CALLERS}", SSH))
        wait_for_port(self._site, LOCAL + SSH)
        remote = [f"{LOCAL + port}:127.0.0.1:{port}" for port in PORTS]
        options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null"]
        options += ["ExitOnForwardFailure=yes"]
        words = ["-N", "-i", str(self._key), "-p", str(LOCAL + SSH)]
        words += [word for option in options for word in ("-o", option)]
        words += [word for place in remote for word in ("-R", place)]
        self._started("ssh", *words, "root@127.0.0.1")

    def address_for(self, port: int) -> Address:
        return Address("127.0.0.1", LOCAL + port)

    def agent_selector(self) -> str:
        return f"app={CALLERS}"

    def dns_words(self) -> list[str]:
        return []


def peers(field: Field) -> list[Peer]:
    """Both, to be started on the laptop."""
    return [Exchange(field.site, field.folder), SshRemote(field.site, field.folder)]


def measures(only: str = "") -> list[Measure]:
    """Those whose names begin so."""
    ways = [("down1", 1), ("up1", 1), ("down8", 8), ("up8", 8)]
    every = [
        *(_measure(f"in-{key}", _throughput(key, streams)) for key, streams in ways),
        _measure("in-ping", _ping),
        _measure("in-fresh", _fresh),
        _measure("in-rate", _rate),
    ]
    return [measure for measure in every if measure.name.startswith(only)]


def _measure(name: str, take: Callable[[Field, Peer], Values]) -> Measure:
    return Measure(f"{name}@0", take, peers=PEERS)


def _throughput(key: str, streams: int) -> Callable[[Field, Peer], Values]:
    def take(field: Field, peer: Peer) -> Values:
        seconds = SECONDS / 2 if field.short else SECONDS
        times = [f"{WARM_UP:g}", f"{seconds:g}"]
        words = [*peer.address_for(BULK).words, key.rstrip("18"), str(streams), *times]
        return {f"in-{key}": field.site.probe("bulk", *words) * 8 / seconds / 1e9}

    return take


def _ping(field: Field, peer: Peer) -> Values:
    found = field.site.probe("pingpong", *peer.address_for(ECHO).words, f"{SECONDS:g}")
    if not found:
        raise BenchError("no answer came back in time")
    return {"in-ping50": percentile(found, 0.5), "in-ping99": percentile(found, 0.99)}


def _knock(field: Field, peer: Peer, at_once: int, rate: int) -> dict[str, Any]:
    words = [*peer.address_for(HTTP).words, str(at_once), f"{SECONDS:g}", str(rate)]
    found: dict[str, Any] = field.site.probe("knocking", *words)
    if not found["times"]:
        raise BenchError("no connection was answered")
    return found


def _fresh(field: Field, peer: Peer) -> Values:
    found = _knock(field, peer, 16, 0)
    times = found["times"]
    return {
        "in-fresh": len(times) / found["seconds"],
        "in-fresh-p50": percentile(times, 0.5),
        "in-fresh-p99": percentile(times, 0.99),
    }


def _rate(field: Field, peer: Peer) -> Values:
    """At a fixed rate: what fails, and how far behind it falls."""
    found = _knock(field, peer, 64, RATE)
    count = len(found["times"])
    share = 100 * found["failed"] / (found["failed"] + count)
    return {"in-rate": count / found["seconds"], "in-rate-errors": share}
