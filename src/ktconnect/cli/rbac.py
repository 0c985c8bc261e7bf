"""`ktctl rbac print`."""

from typing import Any

import click

from ktconnect.objects.rights import COMMANDS

from .options import local_options, take_all
from .sections import CLUSTER, Sectioned, flag


@click.group()
def rbac() -> None:
    """Say which rights commands need."""


@rbac.command("print", cls=Sectioned, epilog=f"COMMAND is one of {', '.join(COMMANDS)}.")
@click.argument("commands", nargs=-1, required=True, metavar="COMMAND…")
@click.option(
    "--scalable",
    multiple=True,
    metavar="KIND",
    help="With setup: a kind that agents may scale back, too, such as rollouts.argoproj.io.  "
    "[repeatable]",
)
@flag(
    *("-n", "--namespace"),
    section=CLUSTER,
    metavar="NAME",
    help="Namespace that the Role is for.  [default: none named]",
)
@local_options("text", "yaml", "json")
@click.pass_context
def print_role(
    context: click.Context, /, commands: tuple[str, ...], scalable: tuple[str, ...], **_: Any
) -> None:
    """Print the least Role that a user needs for these commands.

    \b
    ktctl rbac print connect exchange -n shop | kubectl apply -f -
    ktctl rbac print mesh-router -n shop       mesh, by one of its modes alone
    ktctl rbac print setup --scalable rollouts.argoproj.io -n shop
    """
    from ktconnect.modes.rbac import printed

    flags = take_all(context)
    click.echo(printed(commands, flags["namespace"] or "", flags["output"], scalable))
