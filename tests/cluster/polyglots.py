"""Polyglots on the laptop, and callers: in Pods with and without a sidecar, and on the laptop."""

import contextlib
import itertools
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playground.cluster import Playground
from tests.cluster.patience import at_last

IMAGE = Path(__file__).parent / "images" / "polyglot"
SERVER = str(IMAGE / "polyglot.py")
CALLS = str(IMAGE / "calls.py")
PATIENCE = 30.0
Order = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What came of a call. ``seen`` is what the one who answered saw; ``told`` all its messages."""

    error: str = ""
    status: int = 0
    protocol: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    seen: dict[str, Any] = field(default_factory=dict)
    told: list[Any] = field(default_factory=list)
    length: int = 0
    began: float = 0.0
    seconds: float = 0.0

    @property
    def who(self) -> str:
        """Who answered: ``WHO`` of a polyglot, else its Pod; empty if nobody did."""
        return str(self.seen.get("who", ""))

    @property
    def pod(self) -> str:
        return str(self.seen.get("pod", ""))


@dataclass(frozen=True)
class Tally:
    """What a load counted; times in seconds. ``failures`` are the first fifty of ``failed``."""

    calls: int
    who: dict[str, int]
    failed: int
    failures: list[dict[str, Any]]
    p50: float
    p99: float
    longest: float
    lasted: float


class Load:
    """Calls that go on until ``stop``, or until there were ``count``."""

    def __init__(self, caller: "Caller", number: int) -> None:
        self._caller, self._number = caller, number

    def stop(self) -> Tally:
        """End it, and tell what it counted."""
        self._caller.send({"id": next(self._caller.numbers), "kind": "stop", "load": self._number})
        return self.wait()

    def wait(self, within: float = PATIENCE) -> Tally:
        """What it counted, once it has ended."""
        return Tally(**self._caller.take(self._number, within))


class Caller:
    """A process that calls, anywhere; its orders and answers go over its stdin and stdout."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.numbers = itertools.count(1)
        self._process = process
        self._answers: dict[int, dict[str, Any]] = {}
        self._heard = threading.Condition()
        self._is_over = False
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            answer = json.loads(line)
            with self._heard:
                self._answers[answer.pop("id")] = answer
                self._heard.notify_all()
        with self._heard:
            self._is_over = True
            self._heard.notify_all()

    def send(self, order: Order) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()

    def take(self, number: int, within: float = PATIENCE) -> dict[str, Any]:
        """The answer to an order, once it is there."""
        with self._heard:
            self._heard.wait_for(lambda: number in self._answers or self._is_over, at_last(within))
            assert number in self._answers, f"no answer within {at_last(within):.0f} s"
            return self._answers.pop(number)

    def ask(self, kind: str, host: str, port: int, **options: Any) -> Answer:
        """One call: http, h2c, websocket, grpc, tcp, udp; ``options`` are those of ``calls.py``."""
        return self.ask_all([{"kind": kind, "host": host, "port": port, **options}])[0]

    def ask_all(self, orders: Sequence[Order]) -> list[Answer]:
        """All of them at once."""
        numbers = [self._order(order) for order in orders]
        waits = [order.get("patience", PATIENCE) for order in orders]
        return [_answer(self.take(*each)) for each in zip(numbers, waits, strict=True)]

    def _order(self, order: Order) -> int:
        number = next(self.numbers)
        self.send({"id": number, **order})
        return number

    @contextlib.contextmanager
    def load(
        self, kind: str, host: str, port: int, *, rate: float = 0, workers: int = 4, count: int = 0,
        **options: Any,
    ) -> Iterator[Load]:  # fmt: skip
        """Call all the time in the block: ``rate`` a second in all, 0: as fast as it goes."""
        of = {"kind": kind, "host": host, "port": port, **options}
        started = {"kind": "load", "of": of, "rate": rate, "workers": workers, "count": count}
        yield Load(self, self._order(started))

    def close(self) -> None:
        """End it and close its pipes."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(at_last(5))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(at_last(5))
        assert self._process.stdout is not None
        self._process.stdout.close()


def _answer(found: dict[str, Any]) -> Answer:
    told = found.pop("all", [])
    return Answer(told=told, **found)


PIPES: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}


@contextlib.contextmanager
def calling_in_pod(
    cluster: Playground, namespace: str, pod: str, container: str = "polyglot"
) -> Iterator[Caller]:
    """A caller in a container of a Pod that runs the polyglot's image."""
    where = ["--namespace", namespace, pod, "--container", container]
    command = cluster.kubectl_command("exec", "-i", *where, "--", "python3", "/calls.py")
    caller = Caller(subprocess.Popen(command, **PIPES))
    try:
        yield caller
    finally:
        caller.close()


@contextlib.contextmanager
def calling_on_laptop(cluster: Playground) -> Iterator[Caller]:
    """A caller on the laptop."""
    caller = Caller(cluster.laptop_popen([sys.executable, CALLS], **PIPES))
    try:
        yield caller
    finally:
        caller.close()


@dataclass(frozen=True)
class Local:
    """A polyglot on the laptop: its name and its ports there."""

    who: str
    http: int
    h2c: int
    grpc: int
    tcp: int
    udp: int
    process: "subprocess.Popen[Any]"

    @property
    def expose(self) -> str:
        """For ``--expose``: each of the shop's ports that it serves, ``LOCAL:SERVICE-PORT``."""
        pairs = {self.http: 80, self.h2c: 8082, self.grpc: 9090, self.tcp: 7000}
        return ",".join(f"{local}:{port}" for local, port in pairs.items())


@contextlib.contextmanager
def polyglot_on_laptop(cluster: Playground, who: str, first_port: int = 18080) -> Iterator[Local]:
    """Serve on the laptop's ports from ``first_port`` on, for as long as the block."""
    ports = dict(zip(("http", "h2c", "grpc", "tcp", "udp"), itertools.count(first_port)))
    given = ("http", ports["http"]), ("http", ports["h2c"])
    rest = [(name, ports[name]) for name in ("grpc", "tcp", "udp")]
    flags = [f"--{name}={port}" for name, port in (*given, *rest)]
    process = cluster.laptop_popen(
        [sys.executable, SERVER, *flags], env={**os.environ, "WHO": who}, stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert b"ready" in process.stdout.readline(), f"{who} does not serve on {ports}"
        yield Local(who, **ports, process=process)
    finally:
        process.terminate()
        process.wait(at_last(10))
        assert process.stdout is not None
        process.stdout.close()


def image_of(cluster: Playground) -> str:
    """The polyglot's image, built and given to the nodes if it isn't there."""
    return cluster.provide(cluster.store.build(IMAGE))
