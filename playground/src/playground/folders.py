"""Where the playground keeps things: a cache that outlives the checkout, and a folder per run."""

import os
from dataclasses import dataclass
from pathlib import Path

SOURCES = Path(__file__).parent
GO_SOURCES = SOURCES.parent.parent / "go"


def cache() -> Path:
    """``~/.cache/ktctl/playground``; ``KTCTL_PLAYGROUND_CACHE`` moves it."""
    chosen = os.environ.get("KTCTL_PLAYGROUND_CACHE")
    return Path(chosen) if chosen else Path.home() / ".cache" / "ktctl" / "playground"


def runs() -> Path:
    return cache() / "run"


@dataclass(frozen=True)
class RunFolder:
    """All files of one playground; ``down`` removes ``root``."""

    name: str

    @property
    def root(self) -> Path:
        return runs() / self.name

    @property
    def lock(self) -> Path:
        """Beside the folder, not in it: it is held while the folder goes."""
        return runs() / f".{self.name}.lock"

    @property
    def state(self) -> Path:
        return self.root / "state.json"

    @property
    def pki(self) -> Path:
        return self.root / "pki"

    @property
    def kubeconfig(self) -> Path:
        return self.pki / "admin.kubeconfig"

    @property
    def nodes_registered(self) -> Path:
        """Exists once the Node objects do: a kubelet that came first would get another range."""
        return self.root / "nodes-registered"

    @property
    def came_up(self) -> Path:
        """Exists once ``up`` reached its end."""
        return self.root / "came-up"

    def machine(self, machine: str) -> Path:
        return self.root / machine

    def log(self, machine: str, unit: str) -> Path:
        return self.root / "log" / machine / f"{unit}.log"
