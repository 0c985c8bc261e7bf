"""Apply changes in order, each journalled first; revert them, newest first.

Both may be stopped at any point, by any means, and be run again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ktconnect.errors import Conflict, KtError

from .change import Backend, Change, Entry, System, Written

Backends = Mapping[System, Backend]


async def apply(changes: Iterable[Change], backends: Backends, journal: Written) -> None:
    """Make each change that is not yet so.

    Raises: Conflict (and whatever a backend raises) at the first step that fails; the steps
    before it stay and are in the journal.
    """
    for change in changes:
        backend = backends[change.system]
        before = await backend.read(change.key)
        if before == change.after:
            continue
        journal.record(change, before)
        await backend.write(change.key, change.after, expected=before)


@dataclass(frozen=True, slots=True)
class Undone:
    """What became of the keys of a journal; those that were so already are in neither."""

    written: tuple[str, ...] = ()
    overtaken: tuple[str, ...] = ()
    """Hold what someone else put there, and were left alone."""


async def undo(entries: Iterable[Entry], backends: Backends) -> Undone:
    """Put every key back to what it held before its first entry, the newest key first.

    A step that can't be undone doesn't keep the others from it.
    Raises: KtError, naming each key that could not be read or written.
    """
    written: list[str] = []
    overtaken: list[str] = []
    failures: dict[str, Exception] = {}
    for steps in _by_key(entries):
        key = steps[0].key
        try:
            if await _undo(steps, backends[steps[0].system]):
                written.append(key)
        except Conflict:
            overtaken.append(key)
        except (KtError, OSError) as error:
            failures[key] = error
    if failures:
        raise _not_undone(failures, overtaken)
    return Undone(tuple(written), tuple(overtaken))


async def revert(backends: Backends, journal: Written) -> tuple[str, ...]:
    """Undo what the journal holds and drop it; return the keys that had to be written.

    Raises, naming each key that is not undone, with the journal kept: Conflict if all of them are
    someone else's now, so that trying again is of no use; else KtError.
    """
    undone = await undo(journal.entries(), backends)
    if undone.overtaken:
        raise Conflict(
            f"could not be undone: {_told(undone.overtaken)}",
            hint="look at it, and change it by hand",
        )
    journal.drop()
    return undone.written


def _not_undone(failures: Mapping[str, Exception], overtaken: Iterable[str]) -> KtError:
    what = "; ".join(f"{key}: {error}" for key, error in failures.items())
    also = f"; {_told(overtaken)}" if overtaken else ""
    return KtError(f"could not be undone: {what}{also}", hint="`ktctl clean` tries it again")


def _told(overtaken: Iterable[str]) -> str:
    return "; ".join(f"{key}: changed by someone else, left as it is" for key in overtaken)


def _by_key(entries: Iterable[Entry]) -> list[list[Entry]]:
    """The steps of each key, oldest first; the key that was touched last comes first."""
    found: dict[tuple[System, str], list[Entry]] = {}
    for entry in entries:
        found.setdefault((entry.system, entry.key), []).append(entry)
    return list(reversed(found.values()))


def _unbroken(steps: Sequence[Entry]) -> list[Entry]:
    """The newest steps that follow each other; what came before was overtaken by someone else."""
    chain = [steps[-1]]
    for older in reversed(steps[:-1]):
        if older.after != chain[-1].before:
            break
        chain.append(older)
    return chain


async def _undo(steps: Sequence[Entry], backend: Backend) -> bool:
    """Put one key back to what it held before; False if it is so already."""
    chain = _unbroken(steps)
    goal = chain[-1].before
    now = await backend.read(steps[0].key)
    if now == goal:
        return False
    if all(now not in (step.before, step.after) for step in chain):
        raise Conflict("changed by someone else, left as it is")
    await backend.write(steps[0].key, goal, expected=now)
    return True
