"""Where the demo runs: in a playground of its own, or against a cluster of the user."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ktconnect.names import AGENT_IMAGE, ROUTER_IMAGE

HERE = Path(__file__).parent
NAMESPACE = "shop"
SERVICES = ("front", "catalog", "cart", "stock")
_PROGRAMS = Path(sys.executable).parent


class DemoFailed(Exception):
    """A step did not go as it should; the message says what was seen."""


def program(name: str) -> str:
    """A program of this checkout, else of the PATH. Raises: DemoFailed."""
    own = _PROGRAMS / name
    found = str(own) if own.exists() else shutil.which(name)
    if not found:
        raise DemoFailed(f"there is no program {name}: run `make demo`, or install it")
    return found


@dataclass(frozen=True)
class Place:
    """Commands: kubectl, what runs something on the laptop, ktctl with its flags, what makes it
    root; the flags of commands that make a router; image names to put for ours."""

    kubectl: tuple[str, ...]
    laptop: tuple[str, ...]
    ktctl: tuple[str, ...]
    flags: tuple[str, ...]
    sudo: tuple[str, ...] = ()
    router: tuple[str, ...] = ()
    images: tuple[tuple[str, str], ...] = ()

    def command(self, *words: str, root: bool = False) -> list[str]:
        """A ktctl command in the shop's namespace."""
        return [*(self.sudo if root else ()), *self.ktctl, *words, "-n", NAMESPACE, *self.flags]

    def kube(self, *arguments: str, data: str = "") -> str:
        """What kubectl prints. Raises: DemoFailed."""
        result = subprocess.run(
            [*self.kubectl, *arguments], input=data, capture_output=True, text=True, timeout=180
        )
        if result.returncode:
            raise DemoFailed(f"kubectl {' '.join(arguments)}: {result.stderr.strip()}")
        return result.stdout

    def objects(self, *arguments: str) -> list[Any]:
        found = json.loads(self.kube("get", *arguments, "-o", "json"))
        return list(found["items"]) if "items" in found else [found]

    @property
    def has_grpc(self) -> bool:
        return not self.images


def playground(name: str) -> Place:
    """On the laptop of a playground."""
    command = (program("playground"), "--name", name)
    laptop = (*command, "laptop", "--")
    ktctl = (*laptop, program("ktctl"))
    return Place((*command, "kubectl"), laptop, ktctl, ("--image", "kt.local/python:3.11"))


def own_cluster(context: str) -> Place:
    """Here, against a context of the user's kubeconfig, with images that its nodes can pull.

    Raises: DemoFailed for a program that is missing.
    """
    sudo = () if os.geteuid() == 0 else (program("sudo"), "-E")
    python = os.environ.get("PYTHON_IMAGE", AGENT_IMAGE)
    return Place(
        kubectl=(program("kubectl"), "--context", context),
        laptop=(),
        ktctl=(program("ktctl"),),
        flags=("--context", context, "--image", python),
        sudo=sudo,
        router=("--routerImage", os.environ.get("ENVOY_IMAGE", ROUTER_IMAGE)),
        images=(
            ("kt.local/shop:1", python),
            ("kt.local/redis:1", os.environ.get("REDIS_IMAGE", "redis:7-alpine")),
        ),
    )
