"""Figures, goals and verdicts: what was measured, what was wanted, whether it was met. Pure."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Verdict = Literal["met", "not met", "not measured"]


@dataclass(frozen=True)
class Goal:
    """A bound on our median, or on its ratio to a peer's if ``against`` names one."""

    bound: float
    kind: Literal["at least", "at most"]
    against: str = ""
    aim: float | None = None  # what we would like, beyond what we must
    unit: str = ""

    def __str__(self) -> str:
        sign = "≥" if self.kind == "at least" else "≤"
        number = f"{self.bound:,g}{self.unit or ('×' if self.against else '')}"
        return f"{sign} {number} {self.against}".strip()

    def is_met_by(self, value: float) -> bool:
        return value >= self.bound if self.kind == "at least" else value <= self.bound


@dataclass(frozen=True)
class Row:
    """One line of the table. ``key`` is what measurements call it."""

    key: str
    title: str
    unit: str
    goals: tuple[Goal, ...] = ()


@dataclass
class Figure:
    """The values of one row for one peer, a value a round."""

    values: list[float] = field(default_factory=list)
    problem: str = ""  # why there are fewer values than rounds

    @property
    def median(self) -> float:
        return statistics.median(self.values) if self.values else math.nan

    def as_data(self) -> dict[str, object]:
        if not self.values:
            return {"values": [], "problem": self.problem}
        found = {"median": self.median, "min": min(self.values), "max": max(self.values)}
        return {
            **found,
            "values": self.values,
            **({"problem": self.problem} if self.problem else {}),
        }


Figures = Mapping[str, Figure]  # by peer


@dataclass(frozen=True)
class Judged:
    """A goal, the number it is about, and whether that number is good enough."""

    goal: Goal
    value: float
    verdict: Verdict


def ratio(figures: Figures, ours: str, peer: str) -> float:
    """Our median over the peer's; NaN if one of them is missing."""
    if ours not in figures or peer not in figures:
        return math.nan
    below = figures[peer].median
    return figures[ours].median / below if below else math.nan


def judged(row: Row, figures: Figures, ours: str) -> list[Judged]:
    """Each goal of the row with its verdict."""
    return [_judged(goal, figures, ours) for goal in row.goals]


def _judged(goal: Goal, figures: Figures, ours: str) -> Judged:
    own = figures[ours].median if ours in figures else math.nan
    value = ratio(figures, ours, goal.against) if goal.against else own
    if math.isnan(value):
        return Judged(goal, value, "not measured")
    return Judged(goal, value, "met" if goal.is_met_by(value) else "not met")


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile: the smallest value that ``share`` of all don't exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
