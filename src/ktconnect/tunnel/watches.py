"""What is wanted of which file descriptor, and who is called: the part of a loop that is hot."""

import select
from collections import deque
from typing import Any, Final, Protocol, runtime_checkable

from .loop import Callback

_IN: Final = int(select.EPOLLIN)
_OUT: Final = int(select.EPOLLOUT)
_READABLE: Final = select.EPOLLIN | select.EPOLLERR | select.EPOLLHUP
_WRITABLE: Final = select.EPOLLOUT | select.EPOLLERR | select.EPOLLHUP


@runtime_checkable
class Breakable(Protocol):
    """Whose callbacks should not fail. If one does, only its owner ends."""

    def broke(self) -> object:
        """One of your callbacks raised what nobody expected: end at once, and tell the others."""


class _Watch:
    """What is wanted of one file descriptor."""

    __slots__ = ("mask", "reader", "writer")

    def __init__(self) -> None:
        self.mask = 0
        self.reader: Callback | None = None
        self.writer: Callback | None = None


class SoonCall:
    """A call at the end of the round. See ``loop.Timer``."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callback) -> None:
        self.callback: Callback | None = callback

    def cancel(self) -> None:
        """See ``loop.Timer``."""
        self.callback = None


class Watches:
    """File descriptors in an epoll, and rounds of calls; a part of ``loop.Loop``.

    An exception in a callback is told to ``call_exception_handler`` and ends the owner of the
    callback, if that is ``Breakable``; everybody else is served on.
    """

    def __init__(self) -> None:
        self.epoll = select.epoll()
        self.soon: deque[SoonCall] = deque()
        self._watches: dict[int, _Watch] = {}

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

    def call_exception_handler(self, context: dict[str, Any], /) -> None:
        """Hear of an exception that nobody handled, as asyncio's loops do."""
        raise NotImplementedError

    def serve(self, patience: float) -> None:
        """Wait at most ``patience`` s (-1: for ever) for descriptors, and call for those ready."""
        watches = self._watches
        for fd, mask in self.epoll.poll(patience):
            watch = watches.get(fd)
            if watch is None:
                continue
            reader = watch.reader
            if mask & _READABLE and reader is not None:
                self.call(reader)
            # the reader may have closed this descriptor: its number may be somebody else's now
            writer = watch.writer
            if mask & _WRITABLE and writer is not None and watches.get(fd) is watch:
                self.call(writer)

    def end_round(self) -> None:
        """Make the calls that were asked for by now."""
        for _ in range(len(self.soon)):
            callback = self.soon.popleft().callback
            if callback is not None:
                self.call(callback)

    def call(self, callback: Callback) -> None:
        """Call; if that fails, tell, and end the callback's owner."""
        try:
            callback()
        except Exception as error:  # noqa: BLE001 - thousands of others are served by this loop
            self.call_exception_handler({"message": f"in {callback}", "exception": error})
            owner = getattr(callback, "__self__", None)
            if isinstance(owner, Breakable):
                owner.broke()

    def close(self) -> None:
        """Give up the epoll's own descriptor."""
        self.epoll.close()

    def _update(self, fd: int, watch: _Watch, wanted: int) -> None:
        had = watch.mask
        if wanted == had:
            return
        watch.mask = wanted
        if not wanted:
            self.epoll.unregister(fd)
            del self._watches[fd]
        elif had:
            self.epoll.modify(fd, wanted)
        else:
            self.epoll.register(fd, wanted)
            self._watches[fd] = watch
