"""How two answers to one request look, for a person. Markup of rich."""

import click
from rich.markup import escape

from ktconnect.modes.report import Compared, Totals
from ktconnect.traffic.compare import Difference

ignore_header = click.option(
    "--ignoreHeader",
    "ignored",
    multiple=True,
    metavar="NAME",
    help="Leave this header out when comparing.  [repeatable]",
)


def block_of(compared: Compared) -> list[str]:
    """``GET /cart · 200 OK · alike``; else a line for each difference below it."""
    if not compared.answered:
        return [f"[red]✗[/] {escape(compared.request)} · {escape(compared.laptop)}"]
    if not compared.differences:
        return [f"[dim]· {escape(compared.request)} · {escape(compared.laptop)}[/]"]
    lines = [f"[yellow]≠[/] [bold]{escape(compared.request)}[/]"]
    for each in compared.differences:
        lines += _lines(each)
    return lines


def _lines(difference: Difference) -> list[str]:
    """``body $.total``, then what the origin has, and what the laptop."""
    where = f" {difference.where}" if difference.where else ""
    return [
        f"    {escape(difference.what + where)}",
        f"      [red]- {escape(difference.origin)}[/]",
        f"      [green]+ {escape(difference.laptop)}[/]",
    ]


def totals_line(totals: Totals) -> str:
    """``12 compared, 2 differ``; ``12 sent, 12 answered`` where nothing was compared."""
    if not totals.diff:
        return f"{totals.compared:,} sent, {totals.compared - totals.failed:,} answered"
    parts = [f"{totals.compared:,} compared, {totals.differing:,} differ"]
    if totals.failed:
        parts.append(f"{totals.failed:,} not answered here")
    if totals.unpaired:
        parts.append(f"{totals.unpaired:,} with one answer only")
    return escape(", ".join(parts))
