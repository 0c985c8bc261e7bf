"""Lists: a table for people, JSON or YAML for programs, once or again whenever they change."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import click

Row = dict[str, Any]

EVERY: Final = 1.0
"""Seconds between two looks of ``--watch``."""
CLEAR: Final = "\x1b[H\x1b[2J"
"""ECMA-48: cursor to the top, everything erased."""


@dataclass(frozen=True, slots=True)
class Column:
    """What a person sees of a row; one that is ``wide`` only if there is to be more."""

    title: str
    text: Callable[[Row], str]
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """Rows under a name. ``empty`` is what a person reads if there are none, ``after`` below."""

    name: str
    rows: Sequence[Row]
    columns: Sequence[Column]
    empty: str
    after: Sequence[str] = ()
    more: tuple[tuple[str, Any], ...] = ()  # further keys for programs


def render(listing: Listing, output: str) -> str:
    """The list as ``-o`` asks for it: text, wide, json or yaml."""
    document = {listing.name: list(listing.rows), **dict(listing.more)}
    if output == "json":
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        return json.dumps({"time": now, "event": listing.name, **document}, default=str)
    if output == "yaml":
        import yaml

        return f"---\n{yaml.safe_dump(document, sort_keys=False, allow_unicode=True)}".rstrip()
    columns = [each for each in listing.columns if output == "wide" or not each.wide]
    lines = table(columns, listing.rows) if listing.rows else [listing.empty]
    return "\n".join([*lines, *listing.after])


def table(columns: Sequence[Column], rows: Sequence[Row]) -> list[str]:
    """Lines with their columns aligned; an empty cell is a dash."""
    cells = [[column.title for column in columns]]
    cells += [[column.text(row) or "-" for column in columns] for row in rows]
    widths = [max(len(line[place]) for line in cells) for place in range(len(columns))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]


def show(text: str) -> None:
    """Print it. Raises: OSError."""
    click.echo(text)


async def watch(take: Callable[[], Awaitable[Listing]], output: str, every: float = EVERY) -> None:
    """Print the list again whenever it has changed, until cancelled.

    On a terminal each takes the place of the one before, also when nothing but time has passed.
    """
    clear = CLEAR if sys.stdout.isatty() and output in ("text", "wide") else ""
    before: object = None
    while True:
        listing = await take()
        found = render(listing, output) if clear else (listing.rows, listing.after)
        if found != before:
            before = found
            show(clear + render(listing, output))
        await asyncio.sleep(every)


def key(name: str) -> Callable[[Row], str]:
    """The text of a row's value; a list is joined by commas."""

    def text(row: Row) -> str:
        value = row.get(name)
        if isinstance(value, list | tuple):
            return ",".join(map(str, value))
        return "" if value is None else str(value)

    return text


def local_time(name: str) -> Callable[[Row], str]:
    """A moment (RFC 3339) by this machine's clock: ``2026-11-21 14:03:05``."""

    def text(row: Row) -> str:
        try:
            moment = datetime.fromisoformat(row[name])
        except (TypeError, ValueError):
            return ""
        return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")

    return text
