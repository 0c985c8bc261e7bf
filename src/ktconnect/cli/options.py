"""The flags that every command shares, accepted before and after the command."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click
from click.core import ParameterSource

from ktconnect import names
from ktconnect.errors import UsageError
from ktconnect.modes.spec import ClusterSpec, parse_namespace, parse_pairs
from ktconnect.objects.agent import AgentPod
from ktconnect.objects.quota import parse_quota

Command = Callable[..., Any]


def _flag(*names: str, **attributes: Any) -> Callable[[Command], Command]:
    return click.option(*names, **attributes)


SHARED = [
    _flag("-n", "--namespace", help="Namespace to work in.  [default: the context's]"),
    _flag("-c", "--kubeconfig", help="Kubeconfig file.  [default: $KUBECONFIG, ~/.kube/config]"),
    _flag("--context", help="Context of the kubeconfig.  [default: the current one]"),
    _flag(
        "-i",
        "--image",
        default=names.AGENT_IMAGE,
        show_default=True,
        help="Image with a Python >= 3.11 that the agent runs on.",
    ),
    _flag("--imagePullSecret", help="Secret to pull the image with."),
    _flag(
        "--serviceAccount",
        default="default",
        show_default=True,
        help="ServiceAccount of the agent's Pod.",
    ),
    _flag("--nodeSelector", default="", metavar="K=V,…", help="Nodes that the agent may run on."),
    _flag("--podQuota", default="", metavar="0.5c,512m", help="CPU and memory of the agent's Pod."),
    _flag("-l", "--withLabel", default="", metavar="K=V,…", help="More labels for our objects."),
    _flag(
        "--withAnnotation", default="", metavar="K=V,…", help="More annotations for our objects."
    ),
    _flag("-f", "--forceUpdate", is_flag=True, help="Pull the image even when the node has it."),
    _flag(
        "--useShadowDeployment",
        is_flag=True,
        help="Kept for old scripts: the agent always is a Deployment.",
    ),
    _flag(
        "--podCreationTimeout",
        type=click.IntRange(1),
        default=60,
        show_default=True,
        metavar="SECONDS",
        help="How long to wait for the agent's Pod.",
    ),
    _flag(
        "--portForwardTimeout",
        type=click.IntRange(1),
        default=10,
        show_default=True,
        metavar="SECONDS",
        help="How long to wait for the tunnel.",
    ),
    _flag(
        "--useLocalTime", is_flag=True, help="Trust this machine's clock instead of the server's."
    ),
    _flag(
        "--ipVersion",
        type=click.Choice(["4", "6"]),
        help="Use IPv4 or IPv6 alone.  [default: both]",
    ),
    _flag(
        "-o",
        "--output",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="How to print: for people, or one JSON object a line.",
    ),
    _flag("-d", "--debug", is_flag=True, help="Log in detail to standard error."),
]


@dataclass(frozen=True, slots=True)
class Shared:
    """The shared flags, parsed."""

    cluster: ClusterSpec
    output: str
    debug: bool


def shared_options(command: Command) -> Command:
    """Give ``command`` every shared flag."""
    for option in reversed(SHARED):
        command = option(command)
    return command


def take_shared(context: click.Context) -> Shared:
    """The shared flags, wherever they stood: those after the command win over those before it.

    Raises: UsageError for a value that can't be meant.
    """
    values = dict(context.params)
    parent = context.parent
    for name, value in (parent.params if parent else {}).items():
        given = parent and parent.get_parameter_source(name) is not ParameterSource.DEFAULT
        if given and context.get_parameter_source(name) is ParameterSource.DEFAULT:
            values[name] = value
    return Shared(_cluster_spec(values), values["output"], values["debug"])


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
