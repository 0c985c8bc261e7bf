"""`ktctl replay`."""

from typing import TYPE_CHECKING, Any

import click

from .comparing import ignore_header
from .options import TOLD, local_options, take_all
from .sections import Sectioned

if TYPE_CHECKING:
    from ktconnect.modes.replay.spec import ReplaySpec

SPEEDS = ("asRecorded", "max")


@click.command(cls=Sectioned, short_help="Send recorded requests again, to a program here.")
@click.argument("file", metavar="FILE.har")
@click.option("--to", required=True, metavar="HOST:PORT", help="Where they are sent to.")
@click.option(
    "--filter",
    "filters",
    multiple=True,
    metavar="CONDITION,…",
    help="Only requests that match, as --match of mesh and mirror.  [repeatable]",
)
@click.option(
    "--header",
    "headers",
    multiple=True,
    metavar="'NAME: VALUE'",
    help="Send this header with every request, in place of the recorded one.  [repeatable]",
)
@click.option("--diff", is_flag=True, help="Compare the answers with those recorded.")
@ignore_header
@click.option(
    "--speed",
    type=click.Choice(SPEEDS, case_sensitive=False),
    default="max",
    show_default=True,
    metavar="[asRecorded|max]",
    help="max: one after the other; asRecorded: at the times at which they came.",
)
@click.option(
    "--timeout",
    type=click.IntRange(1),
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="How long one answer may take.",
)
@click.option("--insecure", is_flag=True, help="Take any certificate, with --to https://….")
@local_options(*TOLD)
@click.pass_context
def replay(context: click.Context, /, **flags: Any) -> int:
    """Send the requests of a HAR file again, as `ktctl mirror --record` or a browser wrote it.

    \b
    ktctl replay cart.har --to localhost:8080          what does it answer now?
    ktctl replay cart.har --to localhost:8080 --diff   … and what did the original answer?
    ktctl replay cart.har --to localhost:8080 --filter path:/api,method=GET
    ktctl replay cart.har --to localhost:8080 --header 'Authorization: Bearer …'
    ktctl replay cart.har --to localhost:8080 --speed asRecorded

    Ends with 0 if all was answered, and alike; with 10 if not.
    """
    from ktconnect.modes.replay.mode import run
    from ktconnect.modes.spec import ClusterSpec

    from .options import Shared
    from .session import run_session

    values, spec = take_all(context), spec_of(flags)
    shared = Shared(ClusterSpec(), values["output"], values["debug"])
    return run_session(shared, lambda reporter: run(spec, reporter))


def spec_of(flags: dict[str, Any]) -> "ReplaySpec":
    """The flags as click read them, parsed. Raises: UsageError."""
    from ktconnect.modes.replay.spec import ReplaySpec, parse_headers, parse_place
    from ktconnect.rules.match import parse_match

    return ReplaySpec(
        flags["file"],
        parse_place(flags["to"], insecure=flags["insecure"]),
        tuple(map(parse_match, flags["filters"])),
        parse_headers(flags["headers"]),
        flags["diff"],
        frozenset(name.strip().lower() for name in flags["ignored"]),
        flags["speed"],
        float(flags["timeout"]),
    )
