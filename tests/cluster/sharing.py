"""Several users who mesh a Service of a namespace, from one laptop."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from playground.cluster import Playground
from tests.cluster.connecting import KTCTL, started
from tests.cluster.exchanging import local_program
from tests.cluster.patience import at_last
from tests.cluster.session import Session

IMAGES = ("--image", "python"), ("--routerImage", "envoy")


def mesh_command(
    cluster: Playground, namespace: str, mark: str, *flags: str, name: str = "web"
) -> list[str]:
    """The command line of a mesh by a router, with the images that the playground has."""
    images = [word for flag, name in IMAGES for word in (flag, cluster.state.images[name])]
    usual = ["--mode", "router", "--versionMark", mark, "-n", namespace, "-o", "json"]
    return [KTCTL, "mesh", name, *usual, *images, *flags]


@contextlib.contextmanager
def meshed(
    cluster: Playground,
    namespace: str,
    *marks: str,
    name: str = "web",
    flags: tuple[str, ...] = (),
    **options: Any,
) -> Iterator[list[Session]]:
    """One session of Service ``name`` for each mark, all at once, until something else is done."""
    with contextlib.ExitStack() as stack:
        local = stack.enter_context(local_program(cluster))
        exposed = ("--expose", f"{local.http}:80", *flags)
        sessions = [
            stack.enter_context(
                started(
                    cluster, mesh_command(cluster, namespace, mark, *exposed, name=name), **options
                )
            )
            for mark in marks
        ]
        for session in sessions:
            session.wait_for(lambda event: event["event"] == "ready", at_last(60))
        yield sessions


def service_text(cluster: Playground, namespace: str, name: str = "web") -> str:
    """All of a Service that anybody but the server writes, byte for byte."""
    found = cluster.get("service", name, f"--namespace={namespace}")
    kept = {key: found["metadata"].get(key) for key in ("labels", "annotations", "uid")}
    return json.dumps([found["spec"], kept])


def leases(cluster: Playground, namespace: str) -> list[str]:
    """The names of all sessions, and of what they share."""
    found = cluster.get("leases", f"--namespace={namespace}", "--selector=control-by=kt")["items"]
    return sorted(each["metadata"]["name"] for each in found)
