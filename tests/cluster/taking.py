"""A Service that a laptop has taken, for tests of what becomes of it."""

import contextlib
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from playground.cluster import Playground
from tests.cluster.connecting import HOME, KTCTL, ours, started
from tests.cluster.exchanging import local_program
from tests.cluster.patience import at_last
from tests.cluster.session import Session

from ktconnect.objects.rights import needed, rules

COLLEAGUE = {"HOME": f"{HOME}/colleague"}
"""Of another laptop: knows nothing of our sessions but what the cluster tells."""


def exchange_command(cluster: Playground, namespace: str, *flags: str) -> list[str]:
    """The command line of an exchange of Service web with the image that the playground has."""
    image = ["--image", cluster.state.images["python"]]
    return [KTCTL, "exchange", "web", "-n", namespace, *image, "-o", "json", *flags]


@contextlib.contextmanager
def exchanged(
    cluster: Playground, namespace: str, *flags: str, **options: Any
) -> Iterator[Session]:
    """Port 80 of Service web comes to the laptop, from here on until something else is done."""
    with contextlib.ExitStack() as stack:
        local = stack.enter_context(local_program(cluster))
        argv = exchange_command(cluster, namespace, "--expose", f"{local.http}:80", *flags)
        session = stack.enter_context(started(cluster, argv, **options))
        session.wait_for(lambda event: event["event"] == "ready", at_last(30))
        yield session


def selector(cluster: Playground, namespace: str, name: str = "web") -> dict[str, str]:
    found = cluster.get("service", name, f"--namespace={namespace}")
    return dict(found["spec"]["selector"])


def replicas(cluster: Playground, namespace: str, name: str = "web") -> int:
    found = cluster.get("deployment", name, f"--namespace={namespace}")
    return int(found["spec"]["replicas"])


def nothing_of_ours(cluster: Playground, namespace: str) -> bool:
    """Whether only the user's own things are there."""
    owned = [
        each["metadata"]["name"]
        for each in cluster.get("deployments,services,configmaps", f"--namespace={namespace}")[
            "items"
        ]
        if "-kt-" in each["metadata"]["name"]
    ]
    return not owned and ours(cluster, namespace) == []


def age(cluster: Playground, namespace: str, lease: str, seconds: float) -> None:
    """Make a Lease look as if it was renewed that long ago."""
    moment = datetime.now(UTC) - timedelta(seconds=seconds)
    patch = {"spec": {"renewTime": moment.isoformat(timespec="microseconds")}}
    where = ("lease", lease, f"--namespace={namespace}")
    cluster.kubectl("patch", *where, "--type=merge", f"--patch={json.dumps(patch)}")


def printed_rules(*commands: str) -> Sequence[dict[str, Any]]:
    """The rules of the Role that `ktctl rbac print` prints for these commands."""
    return rules(needed(commands))
