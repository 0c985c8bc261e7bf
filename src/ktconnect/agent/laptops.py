"""The links to laptops: which take calls, and since when there is none."""

from typing import Final, Protocol

from ktconnect.tunnel.link import WORN, Link
from ktconnect.tunnel.loop import Loop
from ktconnect.tunnel.timing import Beat, Pulse, Timing

USED_UP: Final = 0.9999
"""The part of its stream numbers after which a link is given up, with its streams. The laptop opens
another one long before, and this one is closed after its last stream."""


class Watcher(Protocol):
    """Who wants to know whether there is a laptop. At the start there is none. Times are the
    loop's."""

    def laptop_seen(self) -> None:
        """The first pipe of a laptop is greeted."""

    def laptop_gone(self, now: float) -> None:
        """The last pipe is lost."""

    def tick(self, now: float) -> None:
        """Time passes, in steps of ``Timing.tick``."""


class Laptops:
    """All links of an agent, greeted or not. Closes: the links."""

    def __init__(self, loop: Loop, timing: Timing) -> None:
        self.watchers: Final[list[Watcher]] = []
        self.greetings = 0
        """Pipes that were greeted since the start."""
        self._loop = loop
        self._timing = timing
        self._links: dict[Link, Pulse] = {}
        self._stalled: set[Link] = set()
        self._present = False
        self._alone_since = loop.time()
        self._ticker = loop.call_later(timing.tick, self._tick)

    @property
    def ungreeted(self) -> int:
        """Pipes that have not said who they are."""
        return sum(not link.greeted for link in self._links)

    @property
    def greeted(self) -> int:
        """Pipes that take streams."""
        return len(self._links) - self.ungreeted

    @property
    def streams(self) -> int:
        """Streams and flows that they carry."""
        return sum(link.streams for link in self._links)

    @property
    def alone(self) -> float:
        """Seconds without a laptop; 0 while there is one."""
        return 0.0 if self._present else self._loop.time() - self._alone_since

    def best(self) -> Link | None:
        """The least busy link of a laptop that was heard of lately, else of any; None without."""
        greeted = [link for link in self._links if link.greeted]
        lively = [link for link in greeted if link not in self._stalled]
        return min(lively or greeted, key=_load, default=None)

    def add(self, link: Link) -> None:
        """A new link, not greeted yet."""
        self._links[link] = Pulse(self._timing, self._loop.time())

    def came(self, link: Link) -> None:
        """``link`` was greeted."""
        self.greetings += 1
        if not self._present:
            self._present = True
            for watcher in self.watchers:
                watcher.laptop_seen()

    def lost(self, link: Link) -> None:
        """``link`` is over."""
        self._links.pop(link, None)
        self._stalled.discard(link)
        if self._present and not self.greeted:
            self._present = False
            self._alone_since = self._loop.time()
            for watcher in self.watchers:
                watcher.laptop_gone(self._alone_since)

    def close(self) -> None:
        """End all links at once; nobody is told. Idempotent."""
        self._ticker.cancel()
        for link in list(self._links):
            link.close()
        self._links.clear()

    def _tick(self) -> None:
        now = self._loop.time()
        for link, pulse in list(self._links.items()):
            self._check(link, pulse, now)
        for watcher in self.watchers:
            watcher.tick(now)
        self._ticker = self._loop.call_later(self._timing.tick, self._tick)

    def _check(self, link: Link, pulse: Pulse, now: float) -> None:
        beat = pulse.tick(now, link.heard)
        if beat is Beat.LOST or link.age > USED_UP:
            link.fail("the laptop is gone" if beat is Beat.LOST else "its numbers are used up")
            return
        if beat is Beat.STALLED:
            self._stalled.add(link)
        else:
            self._stalled.discard(link)
        if link.greeted and pulse.ping_due(now):
            link.ping()


def _load(link: Link) -> tuple[bool, bool, int]:
    return link.age > WORN, link.outbox.blocked, link.streams
