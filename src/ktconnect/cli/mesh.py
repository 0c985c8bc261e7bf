"""`ktctl mesh`."""

from functools import partial
from typing import Any

import click

from ktconnect import names
from ktconnect.errors import UsageError
from ktconnect.modes.mesh.spec import MeshSpec
from ktconnect.modes.serving.expose import parse_exposes
from ktconnect.modes.spec import ClusterSpec
from ktconnect.objects.router import RouterPod
from ktconnect.rules.mark import ALLOWED
from ktconnect.rules.match import HELP

from .options import shared_options, take_shared
from .sections import ROUTER, Command, Sectioned, flag
from .serving import (
    expose_option,
    mode_option,
    run_serving,
    serving_options,
    serving_spec,
    targets_argument,
)

TAKEOVER = (
    "End the session of whoever has the mark, and of whoever takes all callers (exchange, mirror "
    "--mode tcp). Others who share the Service stay."
)
MODES = ("auto", "manual", "router", "istio", "gateway")


def sharing_options(command: Command) -> Command:
    """Give ``command`` the flags of a session that takes a share of a Service's requests."""
    for option in reversed(SHARING):
        command = option(command)
    return command


SHARING = [
    flag(
        "--match",
        "matches",
        multiple=True,
        metavar="CONDITIONS",
        help=f"Which requests are meant, all conditions of one --match together: {HELP}. "
        " [repeatable: any of them is enough]",
    ),
    flag(
        "--routerImage",
        section=ROUTER,
        metavar="IMAGE",
        default=names.ROUTER_IMAGE,
        show_default=True,
        help="Image of the Envoy that tells requests apart.",
    ),
    flag(
        "--routerReplicas",
        section=ROUTER,
        metavar="COUNT",
        type=click.IntRange(1, 10),
        default=1,
        show_default=True,
        help="How many of it, if it is not there yet.",
    ),
]


@click.command(
    cls=Sectioned, short_help="Answer only the marked requests of a Service with a program here."
)
@targets_argument
@expose_option("Ports whose marked requests come here, by number or name.")
@mode_option(MODES, "What tells requests apart.")
@flag(
    "--versionMark",
    default=None,
    metavar="[KEY:]VALUE",
    help="The header that marks a request.  [default: version, and five random letters]",
)
@sharing_options
@partial(serving_options, takeover=TAKEOVER)
@shared_options
@click.pass_context
def mesh(context: click.Context, /, **flags: Any) -> int:
    """Answer the marked requests of a Service with a process of this machine.

    \b
    ktctl mesh web --expose 8080 --versionMark ci         requests with the header VERSION: ci
    ktctl mesh web --expose 8080:80 --versionMark user:ann           … with the header USER: ann
    ktctl mesh web --expose 8080 --match cookie:user=ann  by a cookie
    ktctl mesh web --expose 8080 --match header:x-user=ann,path:/api  both must be so
    ktctl mesh web api --expose web=8080:80,api=9090:80 --versionMark ci
    ktctl mesh web --expose 8080 --mode manual            a labelled Pod; the rules are yours
    ktctl mesh web --expose 8080 --dryRun                 what would be made and changed

    Any number of users may do so at once, each with a mark of their own. Everybody else gets the
    original Pods, and so do marked requests while this machine is away; with --mode istio and
    gateway these may fail if the agent's Pod is gone, too (docs/guide/drivers.md). Ends with
    Ctrl-C.
    """
    shared = take_shared(context)
    spec = spec_of(flags, shared.cluster)
    from ktconnect.modes.mesh.mode import run

    return run_serving(
        context, shared, " ".join(flags["targets"]), lambda reporter: run(spec, reporter)
    )


def spec_of(flags: dict[str, Any], cluster: ClusterSpec) -> MeshSpec:
    """The flags as click read them, parsed. Raises: UsageError."""
    return MeshSpec(
        targets=flags["targets"],
        exposes=parse_exposes(flags["expose"]),
        serving=serving_spec(flags, cluster),
        mode=flags["mode"],
        mark=mark_said(flags["versionmark"]),
        matches=flags["matches"],
        router=router_pod(flags, cluster),
    )


def mark_said(text: str | None) -> str:
    """``--versionMark`` as it was said, "" if it was not. Raises: UsageError for one that is empty,
    as that of a variable of the shell that is not set: nobody wants a random one then."""
    if text is not None and not text.strip():
        raise UsageError(
            "--versionMark is empty", hint=f"{ALLOWED}; or leave it out for a random one"
        )
    return text or ""


def router_pod(flags: dict[str, Any], cluster: ClusterSpec) -> RouterPod:
    """How the router looks: what goes for the agent's Pod goes for it, too."""
    return RouterPod(
        image=flags["routerimage"],
        replicas=flags["routerreplicas"],
        pull_secret=cluster.agent.pull_secret,
        node_selector=cluster.agent.node_selector,
    )
