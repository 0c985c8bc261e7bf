"""Carts of the developers, on the laptop."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

from places import HERE, NAMESPACE, Place
from shell import Shell


@contextlib.contextmanager
def cart_on(place: Place, laptop: Shell, version: str, port: int) -> Iterator[None]:
    """A cart of our own on the laptop; its Redis is the cluster's, which connect leads to."""
    own = {
        "SERVICE": "cart",
        "VERSION": version,
        "PORT": str(port),
        "REDIS": f"redis.{NAMESPACE}:6379",
    }
    words = [f"{key}={value}" for key, value in own.items()]
    program = [sys.executable, "-B", os.path.relpath(HERE / "shop" / "cart.py")]
    command = [*place.laptop, "env", *words, *program]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet) as process:
        try:
            again = "--retry 50 --retry-delay 0 --retry-connrefused"
            laptop.run(f"curl -sS {again} http://127.0.0.1:{port}/healthz")
            yield
        finally:
            process.terminate()
