"""`ktctl forward`."""

from functools import partial
from typing import Any

import click

from ktconnect.errors import UsageError

from .agent_flags import Shown
from .detach import check_not_detached, detach_option
from .options import dry_run, shared_options, take_shared
from .sections import Sectioned
from .session import run_lasting, run_session


@click.command(cls=Sectioned, short_help="Bring ports of the cluster to this machine.")
@click.argument("targets", nargs=-1, metavar="TARGET [LOCAL:]REMOTE…")
@click.option(
    "--address",
    default="127.0.0.1,::1",
    show_default=True,
    metavar="IP,…",
    help="Where this machine listens.",
)
@dry_run
@detach_option
@partial(shared_options, shown=Shown(family=True))
@click.pass_context
def forward(context: click.Context, /, targets: tuple[str, ...], address: str, **flags: Any) -> int:
    """Bring ports of the cluster to this machine, until Ctrl-C.

    TARGET is service/NAME (or just NAME), pod/NAME, deployment/NAME, statefulset/NAME, or any
    HOST:PORT that the cluster reaches. REMOTE is a number or a name, with /udp for UDP; without
    LOCAL it is the same here, with an empty one a free port. Without ports all are forwarded.

    \b
    ktctl forward web 8080:80                     service web
    ktctl forward pod/db-0 5432 service/web :http several at once
    ktctl forward 15432:db.internal:5432          what only the cluster reaches
    ktctl forward -n kube-system service/kube-dns 5353:53/udp

    Connections follow when a Pod is replaced. Needs no root for ports from 1024 on.
    """
    shared = take_shared(context)
    from ktconnect.modes.forward.goal import parse_goals
    from ktconnect.modes.forward.mode import ForwardSpec, run
    from ktconnect.modes.spec import parse_address

    goals = parse_goals(targets)
    listed = (each.strip() for each in address.split(",") if each.strip())
    addresses = tuple(parse_address(each, "--address") for each in listed)
    if not addresses:
        raise UsageError("--address names none", hint="for example 127.0.0.1")
    spec = ForwardSpec(shared.cluster, goals, addresses, flags["dryrun"])
    if spec.dry_run:
        check_not_detached(context)
        return run_session(shared, lambda reporter: run(spec, reporter))
    target = ", ".join(map(str, goals))
    return run_lasting(context, shared, target, lambda reporter: run(spec, reporter))
