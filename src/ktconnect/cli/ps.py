"""`ktctl ps`."""

import asyncio

import click

from .listing import Column, Listing, Row, key, local_time, render, show
from .mine import look
from .options import local_options, take_output
from .sections import Sectioned

NONE = "no session of yours runs on this machine"
COLUMNS = (
    Column("SESSION", lambda row: name_of(row)),
    Column("MODE", key("mode")),
    Column("TARGET", key("target")),
    Column("NAMESPACE", key("namespace")),
    Column("CONTEXT", key("context")),
    Column("PID", key("pid")),
    Column("SINCE", local_time("since")),
    Column("STATE", lambda row: state_of(row)),
    Column("LOG", key("log"), wide=True),
)


@click.command(cls=Sectioned, short_help="List your sessions on this machine.")
@local_options("text", "wide", "json", "yaml")
@click.pass_context
def ps(context: click.Context, /, **_: object) -> int:
    """List the sessions of yours that run on this machine.

    The state is what each process answers now; one that hangs is shown as such.
    """
    rows = asyncio.run(look())
    show(render(Listing("sessions", rows, COLUMNS, NONE), take_output(context)))
    return 0


def name_of(row: Row) -> str:
    """The session, or its process while it has none."""
    return row["session"] or f"{row['mode']}-{row['pid']}"


def state_of(row: Row) -> str:
    """The state, with the reason why it isn't up."""
    return f"{row['state']}: {row['reason']}" if row["reason"] else str(row["state"])
