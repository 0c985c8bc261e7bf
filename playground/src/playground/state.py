"""What a playground's folder remembers of it between commands."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from playground.folders import RunFolder
from playground.init import replace


@dataclass
class State:
    """``images``: reference by short name; ``line``: what ``net`` made of the line;
    ``istio``: the folder of the Istio that was installed."""

    node_count: int
    binaries: str
    images: dict[str, str] = field(default_factory=dict)
    archives: list[str] = field(default_factory=list)
    line: dict[str, Any] = field(default_factory=dict)
    denials: list[tuple[list[str], list[str]]] = field(default_factory=list)
    istio: str = ""

    def save(self, run: RunFolder) -> None:
        run.root.mkdir(parents=True, exist_ok=True)
        replace(run.state, json.dumps(asdict(self), indent=1))


def load(run: RunFolder) -> State | None:
    """None: there is no such playground, or its ``up`` broke off before it wrote this."""
    try:
        return State(**json.loads(run.state.read_text()))
    except (OSError, ValueError, TypeError):
        return None
