"""`ktctl status`."""

import asyncio
from collections.abc import Iterator, Sequence

import click

from ktconnect.background.asking import UP

from .lines import calls_text, counted, size
from .listing import Column, Listing, Row, key, local_time, render, show, watch
from .mine import complete, look
from .options import local_options, take_output, watch_option
from .ps import NONE, name_of, state_of
from .sections import Sectioned
from .session import until_stopped

NOT_UP = 9
"""Exit code: a session is not up."""

COLUMNS = (
    Column("SESSION", name_of),
    Column("MODE", key("mode")),
    Column("TARGET", key("target")),
    Column("MARK", lambda row: marked(row)),
    Column("STATE", state_of),
    Column("ROUND TRIP", lambda row: round_trip(row)),
    Column("CARRIES", lambda row: carries(row)),
    Column("RECEIVED", lambda row: size(row["received"]) if row["received"] is not None else ""),
    Column("SENT", lambda row: size(row["sent"]) if row["sent"] is not None else ""),
    Column("PIPES", key("pipes"), wide=True),
    Column("RECONNECTIONS", key("reconnections"), wide=True),
    Column("NAMESPACE", key("namespace"), wide=True),
    Column("CONTEXT", key("context"), wide=True),
    Column("PID", key("pid"), wide=True),
    Column("SINCE", local_time("since"), wide=True),
)


@click.command(cls=Sectioned, short_help="Show how your sessions on this machine are.")
@click.argument("sessions", nargs=-1, metavar="[SESSION]…", shell_complete=complete)
@watch_option
@local_options("text", "wide", "json", "yaml")
@click.pass_context
def status(context: click.Context, /, sessions: tuple[str, ...], watched: bool, **_: object) -> int:
    """Show how your sessions on this machine are, or those named.

    Every figure comes from the session's own probes through the data path. Exit code 9 if one of
    them is not up.
    """
    output = take_output(context)
    if watched:
        asyncio.run(until_stopped(watch(lambda: take(sessions), output)))
        return 0
    listing = asyncio.run(take(sessions))
    show(render(listing, output))
    return exit_code(listing.rows)


async def take(sessions: Sequence[str]) -> Listing:
    """How they are now. Raises: UsageError."""
    rows = await look(sessions)
    return Listing("sessions", rows, COLUMNS, NONE, after=tuple(dict.fromkeys(warned(rows))))


def marked(row: Row) -> str:
    """``ci (router)``: the mark of who shares a Service, and what tells requests apart."""
    return " ".join(filter(None, (row["mark"], f"({row['driver']})" if row["driver"] else "")))


def warned(rows: Sequence[Row]) -> Iterator[str]:
    """What sessions have warned of, and when: of marks that overlap, too."""
    said = local_time("time")
    for row in rows:
        for each in row["warnings"]:
            at = said(each).rpartition(" ")[2]
            yield f"! {name_of(row)}{f', {at}' if at else ''}: {each['message']}"


def exit_code(rows: Sequence[Row]) -> int:
    """0 only if all are up; nothing that could flow is no failure."""
    return 0 if all(row["state"] == UP for row in rows) else NOT_UP


def round_trip(row: Row) -> str:
    """To the agent and back."""
    return "" if row["roundTrip"] is None else f"{row['roundTrip'] * 1000:.1f} ms"


def carries(row: Row) -> str:
    """Calls that came from the cluster, or what this machine's programs have open."""
    if row["calls"]:
        from ktconnect.modes.report import Calls

        return calls_text(Calls(**row["calls"]))
    return "" if row["streams"] is None else counted(row["streams"], "stream")
