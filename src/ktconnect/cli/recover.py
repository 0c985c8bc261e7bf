"""`ktctl recover`."""

from typing import Any

import click

from .options import cluster_options, dry_run, take_shared
from .sections import Sectioned
from .session import run_session


@click.command(cls=Sectioned)
@click.argument("names", nargs=-1, required=True, metavar="[service/|deployment/…]NAME…")
@dry_run
@click.option("--takeover", is_flag=True, help="End sessions that are alive, too; they are told.")
@cluster_options
@click.pass_context
def recover(context: click.Context, /, names: tuple[str, ...], **flags: Any) -> int:
    """Give a Service or workload back to its own Pods.

    \b
    ktctl recover web
    ktctl recover deployment/web service/shop -n demo

    Undoes dead sessions that took it, of anybody, and those that KT Connect 0.3 left. One that is
    alive is named and left alone.
    """
    shared = take_shared(context)
    from ktconnect.modes.recover import RecoverSpec, run

    spec = RecoverSpec(shared.cluster, names, dry_run=flags["dryrun"], takeover=flags["takeover"])
    return run_session(shared, lambda reporter: run(spec, reporter))
