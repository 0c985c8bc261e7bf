"""`ktctl exchange`."""

from typing import Any

import click

from ktconnect.errors import UsageError
from ktconnect.modes.serving.expose import parse_exposes
from ktconnect.modes.serving.spec import RECOVER_WAIT, ExchangeSpec
from ktconnect.modes.spec import ClusterSpec

from .options import shared_options, take_shared
from .sections import Sectioned, flag
from .serving import (
    expose_option,
    mode_option,
    run_serving,
    serving_options,
    serving_spec,
    targets_argument,
)

MODES = ("selector", "scale", "ephemeral")


@click.command(cls=Sectioned, short_help="Answer the callers of a Service with a program here.")
@targets_argument
@expose_option("Ports that come here, by number or name.")
@mode_option(MODES, "How callers are led here.")
@flag(
    "--recoverWaitTime",
    type=click.IntRange(0),
    default=int(RECOVER_WAIT),
    show_default=True,
    metavar="SECONDS",
    help="With --mode scale: how long the workload may take to be back at the end.",
)
@serving_options
@shared_options
@click.pass_context
def exchange(context: click.Context, /, **flags: Any) -> int:
    """Answer the callers of a Service with a process of this machine.

    \b
    ktctl exchange web                             all ports of Service web, to the same ports here
    ktctl exchange web --expose 8080               one port: the Service's, or its target port
    ktctl exchange web --expose 8080:80            its port 80 comes to localhost:8080
    ktctl exchange web --expose 9000:http          ports have names, too
    ktctl exchange web --expose 10.0.0.5:8080:80   to another machine
    ktctl exchange web --expose /run/app.sock:80   to a Unix socket
    ktctl exchange web api --expose web=8080:80,api=9090:80
    ktctl exchange deployment/web --log            by its workload; shows every call
    ktctl exchange web --dryRun                    what would be made and changed
    ktctl exchange statefulset/db --mode scale     scales it to 0: no way back without this machine

    The Pods of the Service keep running. Whatever happens to this machine, callers are answered
    by them: after a wait of some seconds at most. Ends with Ctrl-C, which puts all back.
    """
    shared = take_shared(context)
    if flags["mode"] == "ephemeral":
        raise _no_ephemeral(flags["targets"])
    spec = spec_of(flags, shared.cluster)
    from ktconnect.modes.exchange.mode import run

    return run_serving(
        context, shared, " ".join(flags["targets"]), lambda reporter: run(spec, reporter)
    )


def spec_of(flags: dict[str, Any], cluster: ClusterSpec) -> ExchangeSpec:
    """The flags as click read them, parsed. Raises: UsageError."""
    return ExchangeSpec(
        targets=flags["targets"],
        exposes=parse_exposes(flags["expose"]),
        serving=serving_spec(flags, cluster),
        mode=flags["mode"],
        recover_wait=float(flags["recoverwaittime"]),
    )


def _no_ephemeral(targets: tuple[str, ...]) -> UsageError:
    return UsageError(
        "--mode ephemeral is not there: it put a container with NET_ADMIN into running Pods, which "
        "most clusters forbid, and deleted those Pods in the end",
        hint=f"`ktctl exchange {' '.join(targets)}` takes the same callers by the Pod's Service, "
        "and changes no Pod",
    )
