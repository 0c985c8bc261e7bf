import asyncio
import json

import pytest
import yaml

from ktconnect.cli.listing import Column, Listing, Row, key, local_time, render, table, watch

ROWS: list[Row] = [
    {"name": "web", "ports": ["80", "443"], "more": None},
    {"name": "a", "more": "x"},
]
COLUMNS = (
    Column("NAME", key("name")),
    Column("PORTS", key("ports")),
    Column("MORE", key("more"), wide=True),
)
LISTING = Listing("things", ROWS, COLUMNS, "nothing", ("below",), (("notes", ["n"]),))


def test_a_person_reads_a_table_with_aligned_columns():
    assert render(LISTING, "text").splitlines() == [
        "NAME  PORTS",
        "web   80,443",
        "a     -",
        "below",
    ]
    assert render(LISTING, "wide").splitlines()[1] == "web   80,443  -"
    assert render(Listing("things", [], COLUMNS, "nothing"), "text") == "nothing"
    assert table(COLUMNS[:1], []) == ["NAME"]


def test_programs_read_json_or_yaml():
    told = json.loads(render(LISTING, "json"))
    assert (told["event"], told["things"], told["notes"]) == ("things", ROWS, ["n"])
    assert yaml.safe_load(render(LISTING, "yaml")) == {"things": ROWS, "notes": ["n"]}


def test_a_moment_is_told_by_this_machines_clock(monkeypatch):
    assert local_time("since")({"since": "2026-01-01T12:00:00+00:00"}).startswith("2026-01-0")
    assert local_time("since")({"since": "soon"}) == ""
    assert local_time("since")({"since": None}) == ""


@pytest.mark.parametrize("output", ["text", "json"])
async def test_a_list_that_is_watched_is_printed_again_only_when_it_has_changed(capsys, output):
    taken = iter(["a", "a", "b"])

    async def take():
        await asyncio.sleep(0)
        try:
            name = next(taken)
        except StopIteration:
            raise KeyError("the end") from None
        return Listing("things", [{"name": name}], COLUMNS[:1], "nothing")

    with pytest.raises(KeyError, match="the end"):
        await watch(take, output, every=0)
    out = capsys.readouterr().out
    assert "\x1b" not in out  # it is no terminal
    found = [line for line in out.splitlines() if "a" in line or "b" in line]
    assert len(out.splitlines()) == (4 if output == "text" else 2)
    assert found
