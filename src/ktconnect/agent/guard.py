"""Watches over a session in its laptop's absence, and has it undone when that lasts too long.

All methods belong to the agent's loop. The undoing itself blocks, so it runs in a thread.
"""

import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

from ktconnect.errors import Conflict, Forbidden, KtError
from ktconnect.wire.spec import Guard as Orders

from .podapi import pod_api
from .restoring import Verdict, restore

AGAIN: Final = 5.0
"""Seconds until an attempt is made again that failed for a reason that may pass."""
ASK_AGAIN: Final = 60.0
"""Seconds until it is asked again for a right that is missing: somebody may give it."""

Log = Callable[[str], object]
Attempt = Callable[[], Verdict]


class Worker(Protocol):
    """Runs one attempt beside the loop."""

    def __call__(self, work: Callable[[], None], /) -> object: ...


def in_thread(work: Callable[[], None]) -> None:
    """A thread that does not keep the process from ending."""
    threading.Thread(target=work, name="guard", daemon=True).start()


class Guard:
    """One session's guard. ``tick`` is to be called every second or so, with the loop's time."""

    def __init__(
        self,
        orders: Orders,
        log: Log,
        *,
        now: float,
        attempt: Attempt | None = None,
        worker: Worker = in_thread,
    ) -> None:
        """``now``: the loop's time.

        How long the laptop was away when an agent starts, only the Lease knows: it is asked soon.
        """
        self._orders = orders
        self._log = log
        self._attempt = attempt or self._restore
        self._worker = worker
        self._due: float | None = now + AGAIN
        self._working = False
        self._answer: Verdict | KtError | None = None
        self._said = ""

    def laptop_seen(self) -> None:
        """A laptop is there: nothing is undone."""
        self._due = None

    def laptop_gone(self, now: float) -> None:
        """The last laptop is lost; its time begins to run."""
        if self._due is None:
            self._due = now + self._orders.restore_after

    def tick(self, now: float) -> None:
        """Begin what is due; take in what came of it."""
        if self._answer is not None:
            answer, self._answer, self._working = self._answer, None, False
            self._take(answer, now)
        if self._due is not None and now >= self._due and not self._working:
            self._working = True
            self._worker(self._work)

    def _work(self) -> None:
        """In the thread: its one result is handed over by a single assignment."""
        try:
            self._answer = self._attempt()
        except KtError as error:
            self._answer = error
        except Exception as error:  # noqa: BLE001 - a guard that dies silently guards nothing
            self._answer = KtError(f"{type(error).__name__}: {error}")

    def _restore(self) -> Verdict:
        return restore(pod_api(), self._orders, self._log, time.sleep)

    def _take(self, answer: Verdict | KtError, now: float) -> None:
        if self._due is None:
            return  # a laptop came back meanwhile
        if isinstance(answer, KtError):
            self._failed(answer, now)
        elif answer in (Verdict.ALIVE, Verdict.WAITING):  # no way to us, but to the API server
            self._due = now + AGAIN
        else:
            self._due = None  # the agent itself is taken away with the session

    def _failed(self, error: KtError, now: float) -> None:
        if isinstance(error, Conflict):  # the laptop was faster by a moment: look again
            self._due = now + AGAIN
            return
        self._due = now + (ASK_AGAIN if isinstance(error, Forbidden) else AGAIN)
        if str(error) != self._said:
            self._said = str(error)
            self._log(
                f"session {self._orders.lease} is not undone by its agent: {error}; "
                "callers go on to the origin"
            )
