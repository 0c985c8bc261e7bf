"""`ktctl version`."""

import json
import sys
from datetime import UTC, datetime

import click

from ktconnect import __version__

from .listing import show
from .options import local_options, take_output
from .sections import Sectioned


@click.command(cls=Sectioned, short_help="Show which ktctl and Python this is.")
@local_options("text", "json")
@click.pass_context
def version(context: click.Context, /, **_: object) -> int:
    """Show which ktctl and Python this is. The agent's version is always the same."""
    python = ".".join(map(str, sys.version_info[:3]))
    if take_output(context) == "json":
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        told = {"time": now, "event": "version", "version": __version__, "python": python}
        show(json.dumps(told))
    else:
        show(f"ktctl {__version__}, Python {python}")
    return 0
