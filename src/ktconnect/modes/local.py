"""What this machine remembers of its sessions, so that a killed one is cleaned at the next start.

One journal per session in ``~/.kt/journal``. It names the session's Lease and the cluster that
holds it; deleting the Lease takes all else with it.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ktconnect.apply.change import Change
from ktconnect.apply.journal import Journal, stale
from ktconnect.objects.session import LEASE


def journals() -> Path:
    """Where they are: in the home of the user who runs us."""
    return Path(os.environ.get("HOME", "/")) / ".kt" / "journal"


@dataclass(frozen=True, slots=True)
class Remains:
    """A dead session of this machine: its Lease is in ``namespace`` of the cluster ``server``."""

    journal: Journal
    server: str
    namespace: str
    lease: str


def remember(server: str, namespace: str, lease: str) -> Journal:
    """Write down that ``lease`` is about to be made by this process."""
    journal = Journal.open(journals(), lease)
    change = Change("kube", f"{LEASE}/{namespace}/{lease}", {"server": server})
    journal.record(change, None)
    return journal


def remains() -> Iterator[Remains]:
    """The sessions of this machine whose process is gone."""
    for journal in stale(journals()):
        for entry in journal.entries():
            *_, namespace, lease = entry.key.split("/")
            yield Remains(journal, dict(entry.after or {}).get("server", ""), namespace, lease)
