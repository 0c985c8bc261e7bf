"""Starts ktctl on the playground's laptop, and looks at laptop and cluster around it."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playground.cluster import Playground
from tests.cluster.patience import at_last
from tests.cluster.session import Event, Session, event_of

KTCTL = str(Path(sys.executable).with_name("ktctl"))
HOME = "/run/home/root"  # root's own home is the machine's, not the laptop's
OURS = "leases,configmaps,deployments,replicasets,pods"


def command(cluster: Playground, namespace: str, *flags: str) -> list[str]:
    """The command line of a connect with the image that the playground has."""
    image = ["--image", cluster.state.images["python"]]
    where = ["-n", namespace] if namespace else []
    return [KTCTL, "connect", *where, *image, "-o", "json", *flags]


def environment(user: int | None, more: Mapping[str, str] | None) -> dict[str, str]:
    """What a ktctl on the laptop finds around it."""
    own = {} if user is not None else {"HOME": HOME}
    usual = {key: value for key, value in os.environ.items() if not key.startswith("SUDO_")}
    return {**usual, "PYTHONUNBUFFERED": "1", **own, **(more or {})}


@contextlib.contextmanager
def started(
    cluster: Playground,
    argv: list[str],
    *,
    user: int | None = None,
    env: Mapping[str, str] | None = None,
    **options: Any,
) -> Iterator[Session]:
    """Run it for as long as the block, not waiting for anything; what is left of it is killed."""
    around = environment(user, env)
    options = {"stdin": subprocess.DEVNULL, **options}
    with tempfile.TemporaryFile("w+") as errors:
        process = cluster.laptop_popen(
            argv,
            user=user,
            env=around,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            **options,
        )
        session = Session(process, errors)
        try:
            yield session
        finally:
            session.kill()


@contextlib.contextmanager
def connected(
    cluster: Playground,
    namespace: str,
    *flags: str,
    user: int | None = None,
    env: Mapping[str, str] | None = None,
    within: float = 30,
    **options: Any,
) -> Iterator[Session]:
    """Connect, and be so in the block; ended by SIGINT then, which must be a success.

    A session that the block ended itself is left at that.
    """
    argv = command(cluster, namespace, *flags)
    with started(cluster, argv, user=user, env=env, **options) as session:
        session.wait_for(lambda event: event["event"] == "ready", within)
        yield session
        if session.process.poll() is None:
            code = session.stop()
            assert code == 0, f"exit code {code}:\n{session.story()}"


@dataclass(frozen=True)
class Ended:
    """A ktctl that has ended by itself."""

    code: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def events(self) -> list[Event]:
        return [event_of(line) for line in self.stdout.splitlines()]

    @property
    def error(self) -> Event:
        """The one error that it told."""
        found = [event for event in self.events if event["event"] == "error"]
        assert len(found) == 1, self.stdout + self.stderr
        return found[0]


def run_ktctl(
    cluster: Playground,
    *argv: str,
    user: int | None = None,
    env: Mapping[str, str] | None = None,
    **options: Any,
) -> Ended:
    """``ktctl ARGV`` on the laptop, to its end."""
    began = time.monotonic()
    around = environment(user, env)
    done = cluster.laptop([KTCTL, *argv], user=user, env=around, **options)
    return Ended(done.returncode, done.stdout, done.stderr, time.monotonic() - began)


def ours(cluster: Playground, namespace: str) -> list[str]:
    """What ktctl has made in a namespace and is there now, as ``Kind/name``; the Pods of a
    deleted agent that only take their time to end are not counted."""
    found = cluster.get(OURS, f"--namespace={namespace}", "--selector=control-by=kt")["items"]
    return sorted(
        f"{each['kind']}/{each['metadata']['name']}"
        for each in found
        if "deletionTimestamp" not in each["metadata"]
    )


_LOOK = """
ip address show up | grep -v valid_lft; ip rule; ip -6 rule
ip route show table all; ip -6 route show table all | sed 's/ expires [0-9]*sec//'
nft list ruleset
cat /etc/resolv.conf /etc/hosts
ls -la --time-style=+ /etc/resolv.conf /etc/hosts
"""


def laptop_state(cluster: Playground) -> str:
    """Links, routes, rules, nft tables and files of the laptop, to be compared as a whole."""
    done = cluster.laptop(["sh", "-c", _LOOK])
    return done.stdout + done.stderr


def wait_until(condition: Callable[[], Any], within: float = 10, every: float = 0.1) -> Any:
    """What ``condition`` returns as soon as it is true."""
    deadline = time.monotonic() + at_last(within)
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {at_last(within)} s"
        time.sleep(every)
    return found


PROBE = str(Path(__file__).with_name("probe.py"))


def probe(cluster: Playground, *argv: object, user: int | None = None) -> Any:
    """What ``probe.py ARGV`` finds on the laptop. A probe that fails fails the test."""
    done = cluster.laptop([sys.executable, PROBE, *map(str, argv)], user=user)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def lookup(cluster: Playground, name: str, kind: str = "A", *more: str) -> Any:
    """The records of a name, as a program on the laptop gets them that asks its name server."""
    return probe(cluster, "dns", name, kind, *more)["found"]
