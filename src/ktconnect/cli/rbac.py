"""`ktctl rbac print`."""

from typing import Any

import click

from ktconnect.objects.rights import COMMANDS

from .options import local_options, take_all


@click.group()
def rbac() -> None:
    """Say which rights commands need."""


@rbac.command("print")
@click.argument("commands", nargs=-1, required=True, metavar=f"[{'|'.join(COMMANDS)}]…")
@click.option("-n", "--namespace", help="Namespace that the Role is for.  [default: none named]")
@local_options("text", "yaml", "json")
@click.pass_context
def print_role(context: click.Context, /, commands: tuple[str, ...], **_: Any) -> None:
    """Print the least Role that a user needs for these commands.

    \b
    ktctl rbac print connect exchange -n shop | kubectl apply -f -
    """
    from ktconnect.modes.rbac import printed

    flags = take_all(context)
    click.echo(printed(commands, flags["namespace"] or "", flags["output"]))
