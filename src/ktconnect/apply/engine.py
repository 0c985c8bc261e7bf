"""Apply changes in order, each journalled first; revert them, newest first.

Both may be stopped at any point, by any means, and be run again.
"""

from collections.abc import Iterable, Mapping, Sequence

from ktconnect.errors import Conflict, KtError

from .change import Backend, Change, Entry, System
from .journal import Journal

Backends = Mapping[System, Backend]


async def apply(changes: Iterable[Change], backends: Backends, journal: Journal) -> None:
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


async def revert(backends: Backends, journal: Journal) -> tuple[str, ...]:
    """Undo what the journal holds and drop it; return the keys that had to be written.

    A step that can't be undone doesn't keep the others from it.
    Raises, naming each of those, with the journal kept: Conflict if all of them are someone else's
    now, so that trying again is of no use; else KtError.
    """
    undone: list[str] = []
    failures: dict[str, Exception] = {}
    for steps in _by_key(journal.entries()):
        try:
            if await _undo(steps, backends[steps[0].system]):
                undone.append(steps[0].key)
        except (KtError, OSError) as error:
            failures[steps[0].key] = error
    if failures:
        raise _not_undone(failures)
    journal.drop()
    return tuple(undone)


def _not_undone(failures: Mapping[str, Exception]) -> KtError:
    what = "; ".join(f"{key}: {error}" for key, error in failures.items())
    if all(isinstance(error, Conflict) for error in failures.values()):
        return Conflict(f"could not be undone: {what}", hint="look at it, and change it by hand")
    return KtError(f"could not be undone: {what}", hint="`ktctl clean` tries it again")


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
