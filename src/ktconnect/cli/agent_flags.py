"""The flags of commands that start an agent: how its Pod looks, how long it may take."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import click

from ktconnect import names

from .sections import AGENT, Command, flag

Flags = list[Callable[[Command], Command]]


@dataclass(frozen=True, slots=True)
class Shown:
    """What of these flags the help of a command shows, and under which heading.

    ``agent``: whether it starts an agent; ``family``: whether it knows families of addresses. What
    has no meaning for it is taken all the same: KT Connect's flags may stand with any command.
    """

    agent: bool = True
    family: bool = False
    section: str = AGENT


def agent_flags(shown: Shown) -> Flags:
    """All of them."""
    return [*_pod(shown), *_waiting(shown), *_labels(shown), *_rest(shown)]


def _pod(shown: Shown) -> Flags:
    one = partial(flag, hidden=not shown.agent, section=shown.section)
    said = partial(one, default="", metavar="K=V,…")
    return [
        one(
            *("-i", "--image"),
            default=names.AGENT_IMAGE,
            show_default=True,
            help="Image with a Python >= 3.11 that the agent runs on.",
        ),
        one("-f", "--forceUpdate", is_flag=True, help="Pull the image even when the node has it."),
        one("--imagePullSecret", metavar="NAME", help="Secret to pull the image with."),
        one(
            "--serviceAccount",
            default="default",
            show_default=True,
            metavar="NAME",
            help="ServiceAccount of the agent's Pod.",
        ),
        said("--nodeSelector", help="Nodes that the agent may run on."),
        one(
            "--podQuota", default="", metavar="0.5c,512m", help="CPU and memory of the agent's Pod."
        ),
    ]


def _waiting(shown: Shown) -> Flags:
    seconds = partial(
        flag,
        type=click.IntRange(1),
        show_default=True,
        metavar="SECONDS",
        hidden=not shown.agent,
        section=shown.section,
    )
    return [
        seconds("--podCreationTimeout", default=60, help="How long to wait for the agent's Pod."),
        seconds("--portForwardTimeout", default=10, help="How long to wait for the tunnel."),
    ]


def _labels(shown: Shown) -> Flags:
    said = partial(flag, default="", metavar="K=V,…", hidden=not shown.agent, section=shown.section)
    return [
        said("-l", "--withLabel", help="More labels for our objects."),
        said("--withAnnotation", help="More annotations for our objects."),
    ]


def _rest(shown: Shown) -> Flags:
    return [
        flag(
            "--useLocalTime",
            is_flag=True,
            hidden=not shown.agent,
            section=shown.section,
            help="Trust this machine's clock instead of the server's.",
        ),
        flag(
            "--ipVersion",
            type=click.Choice(["4", "6"]),
            hidden=not shown.family,
            section=shown.section,
            help="Use IPv4 or IPv6 alone.  [default: both]",
        ),
        flag(
            "--useShadowDeployment",
            is_flag=True,
            hidden=True,
            help="Kept for old scripts: the agent always is a Deployment.",
        ),
    ]
