"""The result as a table for a person, and as one JSON object."""

import math
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from bench import rows
from bench.figures import Figure, Figures, Judged, Row, judged, ratio
from bench.measure import EVERYONE

_EVERYONE = (*EVERYONE, rows.SSH)
_PEERS = _EVERYONE[1:]
_STYLES = {"met": "green", "not met": "bold red", "not measured": "dim"}


def table(results: Mapping[str, Figures]) -> Table:
    """Median (min-max) of each peer, our ratio to the others, and each goal with its verdict."""
    found = Table(header_style="bold", pad_edge=False)
    found.add_column("row")
    for name in _EVERYONE:
        found.add_column(name, justify="right", no_wrap=True)
    for name in _PEERS:
        found.add_column(f"÷ {name}", justify="right", no_wrap=True)
    found.add_column("goal")
    for row in rows.rows():
        if row.key in results:
            found.add_row(*_cells(row, results[row.key]))
    return found


def _cells(row: Row, figures: Figures) -> list[str | Text]:
    ratios = [_number(ratio(figures, rows.OURS, peer)) for peer in _PEERS]
    title = f"{row.title}, {row.unit}" if row.unit else row.title
    return [title, *(_spread(figures.get(p)) for p in _EVERYONE), *ratios, _verdicts(row, figures)]


def _spread(figure: Figure | None) -> Text:
    if figure is None or not figure.values:
        return Text("failed" if figure and figure.problem else "–", style="dim")
    text = Text(_number(figure.median))
    if len(figure.values) > 1:
        text.append(f" ({_number(min(figure.values))}–{_number(max(figure.values))})", "dim")
    return text


def _number(value: float) -> str:
    if math.isnan(value):
        return ""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 1 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _verdicts(row: Row, figures: Figures) -> Text:
    return Text("\n").join(_verdict(each) for each in judged(row, figures, rows.OURS))


def _verdict(found: Judged) -> Text:
    aim = found.goal.aim
    beyond = f" (aim {aim:g})" if aim else ""
    return Text(f"{found.goal}{beyond}: ").append(found.verdict, _STYLES[found.verdict])


def summary(results: Mapping[str, Figures]) -> str:
    """One sentence: how many goals are met."""
    verdicts: list[str] = [
        each.verdict
        for row in rows.rows()
        if row.key in results
        for each in judged(row, results[row.key], rows.OURS)
    ]
    counts = {kind: verdicts.count(kind) for kind in _STYLES}
    return (
        f"Of {len(verdicts)} goals: " + ", ".join(f"{n} {kind}" for kind, n in counts.items()) + "."
    )


def problems(results: Mapping[str, Figures]) -> list[str]:
    """What could not be measured, and why."""
    return [
        f"{key}, {peer}: {figure.problem}"
        for key, figures in results.items()
        for peer, figure in figures.items()
        if figure.problem
    ]


def as_data(results: Mapping[str, Figures], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Everything, for a program."""
    known = {row.key: row for row in rows.rows()}
    return {
        "taken": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        **facts,
        "rows": [
            _row_data(known[key], figures) for key, figures in results.items() if key in known
        ],
        "problems": problems(results),
    }


def _row_data(row: Row, figures: Figures) -> dict[str, Any]:
    ratios = {peer: ratio(figures, rows.OURS, peer) for peer in _PEERS}
    return {
        "key": row.key,
        "title": row.title,
        "unit": row.unit,
        "peers": {name: figure.as_data() for name, figure in figures.items()},
        "ratios": {peer: value for peer, value in ratios.items() if not math.isnan(value)},
        "goals": [
            {"goal": str(each.goal), "verdict": each.verdict}
            for each in judged(row, figures, rows.OURS)
        ],
    }


def machine() -> dict[str, Any]:
    """What it ran on."""
    return {
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }
