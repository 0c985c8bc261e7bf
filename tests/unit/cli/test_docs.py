"""The page on flags can't go stale: it is held against the commands themselves."""

import re
from dataclasses import fields
from pathlib import Path

import click
import pytest

from ktconnect import cli
from ktconnect.cli.main import ktctl
from ktconnect.cli.spelling import GONE, RENAMED, normalise
from ktconnect.modes.report import CallEnded, Calls, Compared, Ready, Status, Totals

PAGE = (Path(__file__).parents[3] / "docs/reference/flags.md").read_text()
MENTIONED = {normalise(flag) for flag in re.findall(r"(?<![\w-])--?[A-Za-z][\w-]*", PAGE)}
OUTPUT = (Path(__file__).parents[3] / "docs/reference/output.md").read_text()
EVENTS = {
    event: re.findall(r"`(\w+)`", fields)
    for event, fields in re.findall(r"^\| `(\w+)` \| (`[^|]*) \|", OUTPUT, re.MULTILINE)
}
OPTIONS = [
    option
    for command in (ktctl, *ktctl.commands.values())
    for parameter in command.params
    if isinstance(parameter, click.Option)
    for option in parameter.opts
]


@pytest.mark.parametrize("option", sorted(set(OPTIONS)))
def test_every_flag_is_on_the_page(option):
    assert normalise(option) in MENTIONED


@pytest.mark.parametrize("old", sorted({*RENAMED, *GONE}))
def test_every_old_spelling_is_on_the_page(old):
    assert old in MENTIONED


@pytest.mark.parametrize(
    ("event", "told"),
    [
        *(("ready", Ready), ("status", Status), ("call", CallEnded)),
        *(("compared", Compared), ("totals", Totals)),
    ],
)
def test_every_field_of_an_event_is_on_the_page(event, told):
    assert EVENTS[event] == [each.name for each in fields(told)]


def test_what_is_counted_of_calls_is_on_the_page():
    assert ", ".join(f"`{each.name}`" for each in fields(Calls)) in OUTPUT


def test_every_event_that_programs_read_is_described():
    said = r'(?:_say|line_of)\("(\w+)"|"event": "(\w+)"|Listing\(\s*"(\w+)"'
    sources = Path(cli.__file__).parent.glob("*.py")
    found = {one for path in sources for each in re.findall(said, path.read_text()) for one in each}
    internal = {"", "begin", "serving"}  # to who waits for a session in the background
    assert {"ready", "end", "sessions", "services", "explained"} <= found
    assert found - internal <= EVENTS.keys()
