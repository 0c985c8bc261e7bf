"""Real kernel, own network and mount namespace: nothing here touches the machine's own network."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.netns import routing

RESOLV_CONF = "# by hand\nsearch corp.example\nnameserver 127.0.0.9\noptions timeout:1"
HOSTS = "127.0.0.1 localhost\n::1 localhost"
SESSION = Path(__file__).with_name("session.py")
WAIT = 30


class Session:
    """One ktctl of sorts (session.py), with a tunnel that echoes."""

    def __init__(self, process, facts):
        self.process = process
        self.facts = facts

    def ask(self, **request):
        """Send one request, return the answer."""
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return self.hear()

    def hear(self):
        return json.loads(self.process.stdout.readline() or "null")

    @property
    def worker(self):
        """The process id of the helper's worker: the child of the door."""
        return int(self._children(self._children(self.process.pid)[0])[0])

    @property
    def door(self):
        return int(self._children(self.process.pid)[0])

    @staticmethod
    def _children(pid):
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()

    def kill(self, number=signal.SIGKILL):
        self.process.send_signal(number)
        self.process.wait(WAIT)

    def end(self):
        """Close its stdin, as a terminal that goes away does, and wait until all is undone."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait(WAIT)


class Laptop:
    """A machine of our own: a network, its /etc files, its /var/lib."""

    def __init__(self, etc):
        self.etc = etc
        self._sessions = []
        self._holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "sh", "-c", "echo; exec cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == "\n"
        (etc / "resolv.conf").write_text(RESOLV_CONF)
        (etc / "hosts").write_text(HOSTS)
        self.sh("ip link set lo up && mount -t tmpfs none /var/lib && mount -t tmpfs none /run")
        for name in ("resolv.conf", "hosts"):
            self.sh(f"mount --bind {etc / name} /etc/{name}")

    @property
    def inside(self):
        return ["nsenter", f"--target={self._holder.pid}", "--net", "--mount"]

    @property
    def pid(self):
        return self._holder.pid

    def run(self, *argv, **options):
        wanted = {"capture_output": True, "text": True, "timeout": 60} | options
        check = wanted.pop("check", True)
        done = subprocess.run([*self.inside, *argv], check=False, **wanted)
        assert not check or done.returncode == 0, done.stderr
        return done

    def sh(self, command):
        return self.run("sh", "-c", command).stdout

    def python(self, code, *argv):
        """Run Python code inside; it prints JSON."""
        return json.loads(self.run(sys.executable, "-c", code, *argv).stdout)

    def start(self, *argv, **options):
        """Start a program that runs until ``close``."""
        process = subprocess.Popen(
            [*self.inside, *argv],
            **{"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True} | options,
        )
        self._sessions.append(process)
        return process

    def connect(self, **options):
        """A session with these options; see session.py."""
        session = Session(self.start(sys.executable, str(SESSION), json.dumps(options)), None)
        session.facts = session.hear()
        return session

    def recover(self):
        code = (
            "import asyncio, json; from ktconnect.host.network import recover;"
            "from ktconnect.host.backend import HostBackend;"
            "print(json.dumps(asyncio.run(recover(HostBackend()))))"
        )
        return self.python(code)

    def state(self):
        """All that a session may change, byte for byte."""
        show = "ip -d link; ip addr; ip route show table all; ip -6 route show table all; ip rule"
        files = [self.etc / name for name in ("resolv.conf", "hosts")]
        stats = [path.stat() for path in files]
        return {
            "links": self.sh(show),
            "nft": self.sh("nft list ruleset"),
            "files": [path.read_bytes() for path in files],
            "inodes": [(s.st_ino, s.st_mode, s.st_uid, s.st_gid) for s in stats],
            "journals": self.sh("ls -A /var/lib/kt/journal 2>/dev/null || true"),
        }

    def close(self):
        for process in self._sessions:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
        for process in self._sessions:
            try:
                process.wait(2)
            except subprocess.TimeoutExpired:  # no session: it doesn't care for its stdin
                process.kill()
                process.wait()
            process.stdout.close()
        self._holder.communicate()


@pytest.fixture
def laptop(tmp_path):
    if os.geteuid() != 0 or not shutil.which("nft"):
        pytest.skip("needs root and nft")
    machine = Laptop(tmp_path)
    try:
        yield machine
    finally:
        machine.close()


@pytest.fixture(scope="session")
def numbers():
    return routing.free_numbers()


@pytest.fixture(scope="session")
def places(numbers, tmp_path_factory):
    """Servers at all the places that a router can lead to."""
    stem = str(tmp_path_factory.mktemp("certificate") / "any")
    routing.certificate(stem)
    told = [("cluster-ip", routing.ORIGIN, False), ("ann", routing.ANN, False)]
    told += [("bob", routing.BOB, False)]
    told += [(f"pod-{n}", address, True) for n, address in enumerate(routing.PODS)]
    found = [
        routing.Place(who, address, numbers, pod=pod, certificate=stem)
        for who, address, pod in told
    ]
    for place in found:
        place.wait()
    yield found
    for place in found:
        place.close()


@pytest.fixture
async def name_server():
    async with routing.NameServer().running() as server:
        yield server


@pytest.fixture
def router(tmp_path, numbers, places, name_server):
    """An Envoy that begins with its first plan."""
    router = routing.Router(tmp_path, numbers)
    yield router
    router.close()
