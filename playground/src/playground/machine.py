"""What a machine of the playground is: a spec as data, written as JSON for its init.

Stdlib only: the init of a machine imports this.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Mount:
    """One mount, made in the machine's own mount namespace. ``target`` is made if missing."""

    kind: str  # tmpfs, bind, overlay, sysfs
    target: str
    source: str = ""
    options: str = ""


@dataclass(frozen=True)
class Unit:
    """A program the machine keeps running.

    It starts when all files in ``needs`` exist. With ``creates`` it is to succeed once; that file
    is then made, for others to need.
    """

    name: str
    argv: list[str]
    needs: list[str] = field(default_factory=list)
    creates: str = ""


@dataclass(frozen=True)
class Machine:
    """``folder`` holds what outlives the machine's processes; its init joins ``cgroups``.

    ``covers`` maps a file to one of ``files`` that is shown in its place.
    """

    name: str
    folder: str
    log_folder: str
    mounts: list[Mount] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    covers: dict[str, str] = field(default_factory=dict)
    owners: dict[str, int] = field(default_factory=dict)
    units: list[Unit] = field(default_factory=list)
    cgroups: list[str] = field(default_factory=list)
    own_processes: bool = True  # a PID namespace of its own

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> "Machine":
        raw = json.loads(text)
        raw["mounts"] = [Mount(**mount) for mount in raw["mounts"]]
        raw["units"] = [Unit(**unit) for unit in raw["units"]]
        return cls(**raw)


def spec_file(folder: Path) -> Path:
    return folder / "machine.json"


def init_file(folder: Path) -> Path:
    """Holds the init's PID as the machine's owner sees it, and its start time."""
    return folder / "init.json"


def units_file(folder: Path) -> Path:
    """What the init last said about its units."""
    return folder / "units.json"


def hold_file(folder: Path, unit: str) -> Path:
    """While it exists, the unit is kept from running."""
    return folder / "held" / unit
