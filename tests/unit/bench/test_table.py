"""The plan, the table, and the JSON beside it."""

import io
import json

from bench import table
from bench.figures import Figure
from bench.measures import measures
from bench.rows import rows
from rich.console import Console

RESULTS = {
    "down1@0": {"ktctl": Figure([3.0, 2.0]), "kubectl": Figure([2.0]), "sshuttle": Figure([0.1])},
    "start@0": {"ktctl": Figure([], "no rights")},
}


def shown():
    out = io.StringIO()
    console = Console(width=200, file=out)
    console.print(table.table(RESULTS))
    return out.getvalue()


def test_a_line_holds_medians_ratios_and_verdicts():
    text = shown()
    assert "2.50 (2.00–3.00)" in text
    assert "1.25" in text
    assert "≥ 1× kubectl (aim 1.2): met" in text
    assert "≥ 15× sshuttle: met" in text


def test_what_failed_is_shown_and_explained():
    assert "failed" in shown()
    assert table.problems(RESULTS) == ["start@0, ktctl: no rights"]


def test_one_sentence_counts_the_goals():
    assert table.summary(RESULTS) == "Of 3 goals: 2 met, 0 not met, 1 not measured."


def test_everything_is_there_for_a_program():
    found = json.loads(json.dumps(table.as_data(RESULTS, {"rounds": 2})))
    assert found["rounds"] == 2
    assert found["rows"][0]["ratios"] == {"kubectl": 1.25, "sshuttle": 25.0}
    assert found["rows"][0]["peers"]["ktctl"]["values"] == [3.0, 2.0]


def test_no_two_rows_have_one_key():
    keys = [row.key for row in rows()]
    assert len(set(keys)) == len(keys)


def test_a_run_can_be_cut_to_what_begins_so():
    assert [m.name for _, found in measures("ping") for m in found] == ["ping@0", "ping@20"]
    assert [m.name for _, found in measures("down1@20") for m in found] == ["down1@20"]
