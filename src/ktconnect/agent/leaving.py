"""The end of an agent that callers come to: those who are there, and those on their way, first.

A Pod that is being deleted still gets callers until every node has been told (Kubernetes, "Pod
Lifecycle", "Termination of Pods"), and while no other Pod is ready, even after that.
"""

from collections.abc import Callable
from typing import Final

from ktconnect.tunnel.loop import Loop

LINGER: Final = 5.0
"""Seconds for which new callers are expected."""

LONGEST: Final = 25.0
"""Seconds after which those who are still there are cut; the Pod's grace is a little longer."""

LOOK: Final = 0.2


class Leaving:
    """Calls ``leave`` once nobody is there any more, by ``callers``."""

    def __init__(
        self,
        loop: Loop,
        callers: Callable[[], int],
        leave: Callable[[], object],
        *,
        linger: float = LINGER,
        longest: float = LONGEST,
    ) -> None:
        """``linger`` and ``longest`` in seconds."""
        self._loop = loop
        self._callers = callers
        self._leave = leave
        self._linger = linger
        self._longest = longest
        self._since: float | None = None

    def begin(self) -> None:
        """The end is asked for; asked a second time, it comes at once."""
        if self._since is not None:
            self._leave()
            return
        self._since = self._loop.time()
        self._look()

    def _look(self) -> None:
        assert self._since is not None, "begin() was called"
        passed = self._loop.time() - self._since
        if passed >= self._longest or (passed >= self._linger and not self._callers()):
            self._leave()
        else:
            self._loop.call_later(LOOK, self._look)
