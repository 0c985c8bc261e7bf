"""The drill's result: a table for a person, a sentence, and data for a program. Pure."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table

from bench.drill.calls import Outcome

Outcomes = Mapping[str, Sequence[Outcome]]
LONGEST_WAIT, RESTORED = 6.0, 75.0
"""What is promised, in seconds."""


def table(outcomes: Outcomes) -> Table:
    """A row for each death: median and worst of its rounds."""
    found = Table(header_style="bold", pad_edge=False)
    found.add_column("death")
    for title in ("rounds", "calls", "failed", "cut", "longest wait", "others answer", "restored"):
        found.add_column(title, justify="right", no_wrap=True)
    for death, rounds in outcomes.items():
        found.add_row(death, *_cells(rounds))
    return found


def _cells(rounds: Sequence[Outcome]) -> list[str]:
    return [
        str(len(rounds)),
        f"{sum(each.calls for each in rounds):,}",
        f"{sum(each.failed for each in rounds):,}",
        f"{sum(each.cut for each in rounds):,}",
        _spread([each.longest for each in rounds]),
        _spread([each.answered for each in rounds]),
        _spread([each.restored for each in rounds]),
    ]


def _spread(values: Sequence[float | None]) -> str:
    """``0.4 s, worst 1.2 s``."""
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    return f"{statistics.median(known):.1f} s, worst {max(known):.1f} s"


def summary(outcomes: Outcomes) -> str:
    """One line."""
    rounds = [each for listed in outcomes.values() for each in listed]
    if not rounds:
        return "No death was drilled."
    restored = [each.restored for each in rounds if each.restored is not None]
    return (
        f"{sum(each.failed for each in rounds):,} of {sum(each.calls for each in rounds):,} calls "
        f"failed in {len(rounds)} deaths, {sum(each.cut for each in rounds):,} that the laptop had "
        f"accepted were cut; longest wait {max(each.longest for each in rounds):.1f} "
        f"s (goal {LONGEST_WAIT:g}), restored within {max(restored, default=0.0):.1f} s "
        f"(goal {RESTORED:g}); ready in {statistics.median(each.ready for each in rounds):.1f} s."
    )


def as_data(outcomes: Outcomes) -> dict[str, Any]:
    """Everything, for a program."""
    return {death: [asdict(each) for each in rounds] for death, rounds in outcomes.items()}
