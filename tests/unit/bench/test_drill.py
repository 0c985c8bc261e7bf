"""What callers saw of a death, and what is made of it."""

import io

import pytest
from bench.drill import calls, table
from bench.drill.calls import Call, Outcome, outcome, parse
from rich.console import Console

SEEN = [
    Call(100.0, 0.01, "laptop"),
    Call(109.9, 4.6, "shop-1"),  # it began before the death, and waited
    Call(111.0, 3.0, "shop-2"),
    Call(112.0, 0.5, "", "ConnectionResetError"),
    Call(120.0, 0.01, "shop-1"),
]
LOST = Outcome(calls=100, failed=2, cut=3, longest=4.6, answered=4.5, restored=61.0, ready=1.5)
KEPT = Outcome(calls=50, failed=0, cut=0, longest=0.5, answered=0.2, restored=None, ready=2.5)


def test_a_line_of_the_callers_is_read():
    assert parse("12.500 0.250 shop-1\n") == Call(12.5, 0.25, "shop-1")
    assert parse("12.500 30.000 - TimeoutError\n") == Call(12.5, 30.0, "", "TimeoutError")


def test_an_outcome_counts_from_the_death():
    found = outcome(SEEN, died=110.0, dead=110.0, restored=171.5, ready=1.25)
    assert (found.calls, found.failed, found.longest, found.ready) == (5, 1, 4.6, 1.25)
    assert found.restored == 61.5
    assert found.answered == pytest.approx(4.0)


def test_what_never_came_is_none():
    found = outcome([Call(111.0, 0.1, "laptop")], died=110.0, dead=110.0, restored=None, ready=1.0)
    assert (found.answered, found.restored) == (None, None)
    assert outcome([], died=110.0, dead=110.0, restored=None, ready=1.0).longest == 0.0


def test_failures_are_told_by_kind_and_time():
    text = calls.failures([*SEEN, Call(113.0, 0.1, "", "ConnectionResetError")], 110.0)
    assert text == "2 ConnectionResetError of calls begun at +2.0 to +3.0 s"


def test_what_the_laptop_had_accepted_is_cut_not_failed():
    under_way = Call(109.99, 0.1, "", "ConnectionResetError")
    found = outcome([*SEEN, under_way], died=110.0, dead=110.0, restored=None, ready=1.0)
    assert (found.failed, found.cut) == (1, 1)


def test_what_a_death_still_meets_while_it_comes_about_is_cut_too():
    met = [Call(110.0 + later, 0.1, "", "ConnectionResetError") for later in (0.04, 0.2)]
    found = outcome(met, died=110.0, dead=110.1, restored=None, ready=1.0)
    assert (found.failed, found.cut) == (1, 1)


def test_the_table_shows_median_and_worst():
    out = io.StringIO()
    better = Outcome(
        calls=100, failed=0, cut=0, longest=1.0, answered=0.5, restored=60.0, ready=1.5
    )
    found = table.table({"kill -9": [LOST, better, better], "agent": [KEPT]})
    Console(width=150, file=out).print(found)
    (lost,) = [line for line in out.getvalue().splitlines() if "kill -9" in line]
    assert "1.0 s, worst 4.6 s" in lost
    assert "60.0 s, worst 61.0 s" in lost
    assert " 300 " in lost
    (kept,) = [line for line in out.getvalue().splitlines() if "agent" in line]
    assert kept.rstrip(" │").endswith("–")


def test_the_summary_is_one_line_with_the_goals():
    text = table.summary({"kill -9": [LOST], "agent": [KEPT]})
    assert text.startswith(
        "2 of 150 calls failed in 2 deaths, 3 that the laptop had accepted were cut; longest"
    )
    assert "restored within 61.0 s (goal 75); ready in 2.0 s" in text
    assert "\n" not in text
    assert table.summary({}) == "No death was drilled."


def test_a_program_gets_every_round():
    assert table.as_data({"agent": [KEPT]})["agent"][0]["restored"] is None
