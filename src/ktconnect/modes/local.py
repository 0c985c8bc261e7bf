"""What this machine remembers of its sessions, so that a killed one is cleaned at the next start.

One journal per session in ``~/.kt/journal``. It names the session's Lease and the cluster that
holds it, and once the Lease is made also its UID: another session may have the same name later.
"""

import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ktconnect.apply.change import Change, Entry
from ktconnect.apply.journal import Journal, stale
from ktconnect.objects.session import LEASE


def journals() -> Path:
    """Where they are: in the home of the user who runs us."""
    return Path(os.environ.get("HOME") or "/") / ".kt" / "journal"


@dataclass(frozen=True, slots=True)
class Remains:
    """A dead session of this machine: its Lease is in ``namespace`` of the cluster ``server``.

    ``uid`` is the Lease's; "" if the process was killed while it was made.
    """

    journal: Journal
    server: str
    namespace: str
    lease: str
    uid: str


def remember(server: str, namespace: str, lease: str) -> Journal:
    """Write down that ``lease`` is about to be made by this process."""
    journal = Journal.open(journals(), f"{lease}-{secrets.token_hex(4)}")
    _note(journal, f"{LEASE}/{namespace}/{lease}", server, "")
    return journal


def bind(journal: Journal, uid: str) -> None:
    """Write down which Lease it became: the one with this UID."""
    for entry in journal.entries()[:1]:
        _note(journal, entry.key, _fact(entry, "server"), uid)


def remains(server: str = "") -> Iterator[Remains]:
    """The sessions of this machine whose process is gone, on one cluster or on all."""
    for journal in stale(journals()):
        entries = journal.entries()
        if not entries:
            journal.drop()
        elif server in ("", _fact(entries[-1], "server")):
            yield _remains(journal, entries[-1])


def gone(server: str) -> frozenset[str]:
    """The UIDs of Leases on this cluster whose process on this machine is gone."""
    return frozenset(each.uid for each in remains(server) if each.uid)


def _remains(journal: Journal, entry: Entry) -> Remains:
    *_, namespace, lease = entry.key.split("/")
    return Remains(journal, _fact(entry, "server"), namespace, lease, _fact(entry, "uid"))


def _note(journal: Journal, key: str, server: str, uid: str) -> None:
    journal.record(Change("kube", key, {"server": server, "uid": uid}), None)


def _fact(entry: Entry, name: str) -> str:
    return str(dict(entry.after or {}).get(name, ""))
