"""The flags that every command shares, accepted before and after the command."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import click
from click.core import ParameterSource

from ktconnect.errors import UsageError
from ktconnect.modes.spec import ClusterSpec, parse_namespace, parse_pairs
from ktconnect.objects.agent import AgentPod
from ktconnect.objects.quota import parse_quota

from .agent_flags import Shown, agent_flags
from .sections import CLUSTER, GENERAL, Command, flag

WHERE = [
    flag(
        *("-n", "--namespace"),
        section=CLUSTER,
        metavar="NAME",
        help="Namespace to work in.  [default: the context's]",
    ),
    flag(
        *("-c", "--kubeconfig"),
        section=CLUSTER,
        metavar="FILE",
        help="Kubeconfig file.  [default: $KUBECONFIG, ~/.kube/config]",
    ),
    flag(
        "--context",
        section=CLUSTER,
        metavar="NAME",
        help="Context of the kubeconfig.  [default: the current one]",
    ),
]
AGENT_SHOWN = Shown()
NO_AGENT = agent_flags(Shown(agent=False))
dry_run = flag("--dryRun", is_flag=True, help="Say what would be done, and do nothing.")
every_namespace = partial(flag, "-A", "--all-namespaces", is_flag=True)
watch_option = flag("-w", "--watch", "watched", is_flag=True, help="Show it again when it changes.")


TOLD = ("text", "json")
LISTED = ("text", "wide", "json", "yaml")


def _output(choices: tuple[str, ...]) -> list[Callable[[Command], Command]]:
    for_programs = "one JSON object a line" if choices == TOLD else "JSON or YAML for programs"
    return [
        flag(
            *("-o", "--output"),
            section=GENERAL,
            type=click.Choice(choices),
            default="text",
            show_default=True,
            help=f"How to print: for people, or {for_programs}.",
        ),
        flag(
            *("-d", "--debug"),
            is_flag=True,
            section=GENERAL,
            help="Log in detail to standard error.",
        ),
    ]


@dataclass(frozen=True, slots=True)
class Shared:
    """The shared flags, parsed."""

    cluster: ClusterSpec
    output: str
    debug: bool


def shared_options(command: Command, shown: Shown = AGENT_SHOWN) -> Command:
    """Give ``command`` every shared flag: those of the cluster, and those of an agent."""
    return _with([*WHERE, *agent_flags(shown), *_output(TOLD)], command)


def cluster_options(command: Command) -> Command:
    """The shared flags of a command that changes the cluster, and starts no agent."""
    return _with([*WHERE, *NO_AGENT, *_output(TOLD)], command)


def group_options(command: Command) -> Command:
    """As `shared_options`, with every value that any command takes."""
    return _with([*WHERE, *agent_flags(Shown(family=True)), *_output(LISTED)], command)


def listing_options(command: Command) -> Command:
    """The flags of a command that looks at the cluster and prints a list."""
    return _with([*WHERE, *_output(LISTED)], command)


def local_options(*outputs: str) -> Callable[[Command], Command]:
    """The flags of a command that looks at this machine alone."""
    return lambda command: _with(_output(outputs), command)


def _with(options: list[Callable[[Command], Command]], command: Command) -> Command:
    for option in reversed(options):
        command = option(command)
    return command


def take_shared(context: click.Context) -> Shared:
    """The shared flags, wherever they stood. Raises: UsageError for one that can't be meant."""
    values = take_all(context)
    return Shared(_cluster_spec(values), values["output"], values["debug"])


def take_all(context: click.Context) -> dict[str, Any]:
    """The flags as click read them: those after the command win over those before it.

    Raises: UsageError for a ``-o`` that the command doesn't know.
    """
    root = context.find_root()
    values: dict[str, Any] = dict(root.params)
    for name, value in context.params.items():
        before = root.get_parameter_source(name) not in (None, ParameterSource.DEFAULT)
        if not before or context.get_parameter_source(name) is not ParameterSource.DEFAULT:
            values[name] = value
    _check_output(context, values["output"])
    return values


def take_output(context: click.Context) -> str:
    """``-o``, wherever it stood. Raises: UsageError for one that the command doesn't know."""
    return str(take_all(context)["output"])


def _check_output(context: click.Context, output: str) -> None:
    """A ``-o`` before the command may be one that only other commands know."""
    taken = [
        choice
        for each in context.command.params
        if each.name == "output"
        for choice in getattr(each.type, "choices", ())
    ]
    if taken and output not in taken:
        raise UsageError(
            f"`ktctl {context.info_name}` prints no {output}", hint=f"use -o {' or '.join(taken)}"
        )


def _cluster_spec(values: dict[str, Any]) -> ClusterSpec:
    return ClusterSpec(
        kubeconfig=values["kubeconfig"] or "",
        context=values["context"] or "",
        namespace=parse_namespace(values["namespace"] or ""),
        agent=_agent_pod(values),
        labels=parse_pairs(values["withlabel"], "--withLabel"),
        annotations=parse_pairs(values["withannotation"], "--withAnnotation", label=False),
        port_forward_timeout=float(values["portforwardtimeout"]),
        pod_creation_timeout=float(values["podcreationtimeout"]),
        use_local_time=values["uselocaltime"],
        ip_version=int(values["ipversion"] or 0),
    )


def _agent_pod(values: dict[str, Any]) -> AgentPod:
    if not values["image"] or any(character.isspace() for character in values["image"]):
        raise UsageError(
            f"--image: {values['image']!r} can't be an image", hint="for example python:3-alpine"
        )
    return AgentPod(
        image=values["image"],
        pull_policy="Always" if values["forceupdate"] else "IfNotPresent",
        pull_secret=values["imagepullsecret"] or "",
        service_account=values["serviceaccount"],
        node_selector=parse_pairs(values["nodeselector"], "--nodeSelector"),
        quota=tuple(parse_quota(values["podquota"]).items()),
    )
