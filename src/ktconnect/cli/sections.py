"""Help in sections: a command's own flags first, those that many share below, under a heading.

The headings stand in one order everywhere, whatever order the flags were declared in.
"""

from collections.abc import Callable
from typing import Any, Final

import click

Command = Callable[..., Any]

OWN: Final = "Options"
SESSION: Final = "Session"
ROUTER: Final = "Router"
AGENT: Final = "Agent"
LIVE: Final = "Agent of --live"
CLUSTER: Final = "Cluster"
GENERAL: Final = "General"
ORDER: Final = (OWN, SESSION, ROUTER, CLUSTER, AGENT, GENERAL, LIVE)
"""What is asked for most comes first."""


class Flag(click.Option):
    """A flag that stands under the heading ``section``."""

    def __init__(self, *args: Any, section: str = OWN, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.section = section


def flag(*names: str, section: str = OWN, **attributes: Any) -> Callable[[Command], Command]:
    """As `click.option`, under a heading."""
    return click.option(*names, cls=Flag, section=section, **attributes)


class Sectioned(click.Command):
    """A command whose help shows its flags in sections."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """See click."""
        write_sections(self, ctx, formatter)


def write_sections(
    command: click.Command, context: click.Context, formatter: click.HelpFormatter
) -> None:
    """Every flag that is not hidden, under its heading; one heading alone says nothing."""
    records: dict[str, list[tuple[str, str]]] = {}
    for each in command.get_params(context):
        record = each.get_help_record(context)
        if record is not None and not isinstance(each, click.Argument):
            records.setdefault(section_of(each), []).append(record)
    if len(records) == 1:
        records = {OWN: next(iter(records.values()))}
    for section in sorted(records, key=ORDER.index):
        with formatter.section(section):
            formatter.write_dl(records[section])


def section_of(parameter: click.Parameter) -> str:
    """Its heading; what click itself adds belongs to no command."""
    if isinstance(parameter, Flag):
        return parameter.section
    return GENERAL if not {"--help", "--version"}.isdisjoint(parameter.opts) else OWN
