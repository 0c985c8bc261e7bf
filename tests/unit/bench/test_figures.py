"""Figures and verdicts."""

import math

import pytest
from bench.figures import Figure, Goal, Row, judged, percentile, ratio

FIGURES = {"ktctl": Figure([3.0, 1.0, 2.0]), "kubectl": Figure([4.0]), "dead": Figure([], "why")}


def test_the_figure_of_a_peer_is_the_median_of_its_rounds():
    assert FIGURES["ktctl"].median == 2.0


def test_a_figure_keeps_its_least_and_its_most():
    assert FIGURES["ktctl"].as_data() == {
        "median": 2.0,
        "min": 1.0,
        "max": 3.0,
        "values": [3.0, 1.0, 2.0],
    }


def test_a_figure_without_values_tells_why():
    assert FIGURES["dead"].as_data() == {"values": [], "problem": "why"}


def test_a_ratio_is_ours_over_theirs():
    assert ratio(FIGURES, "ktctl", "kubectl") == 0.5


@pytest.mark.parametrize("peer", ["dead", "absent"])
def test_there_is_no_ratio_to_what_was_not_measured(peer):
    assert math.isnan(ratio(FIGURES, "ktctl", peer))


@pytest.mark.parametrize(
    ("goal", "verdict"),
    [
        (Goal(0.5, "at least", "kubectl"), "met"),
        (Goal(0.6, "at least", "kubectl"), "not met"),
        (Goal(0.4, "at most", "kubectl"), "not met"),
        (Goal(2, "at most"), "met"),
        (Goal(1, "at least", "absent"), "not measured"),
    ],
)
def test_a_goal_is_judged_by_our_ratio_or_by_our_own_figure(goal, verdict):
    assert [each.verdict for each in judged(Row("a", "a", "s", (goal,)), FIGURES, "ktctl")] == [
        verdict
    ]


def test_a_goal_says_itself_in_few_words():
    assert str(Goal(15, "at least", "sshuttle")) == "≥ 15× sshuttle"
    assert str(Goal(3, "at most", unit=" s")) == "≤ 3 s"


def test_a_percentile_is_one_of_the_values():
    values = [float(number) for number in range(1, 101)]
    assert percentile(values, 0.5) == 50
    assert percentile(values, 0.99) == 99
    assert percentile([7.0], 0.99) == 7
