"""Reading along on one connection of HTTP/1.1 or HTTP/2, whichever its first bytes say it is."""

from .exchange import KEPT, Exchange
from .frames import PREFACE
from .http1 import Http1
from .http2 import Http2


class Watcher:
    """One connection. ``now`` of every method is POSIX time, in seconds."""

    def __init__(self) -> None:
        self._begin = b""
        self._early = b""
        self._http: Http1 | Http2 | None = None

    @property
    def pending(self) -> bool:
        """Whether a request waits for its answer."""
        return self._http is not None and self._http.pending

    @property
    def lost(self) -> str:
        """Why it can't be read any further; "" while it can."""
        return self._http.lost if self._http is not None else ""

    def requested(self, data: bytes, now: float) -> list[Exchange]:
        """Bytes of the caller; empty at their end. The exchanges that are whole by that."""
        if self._http is not None:
            return self._http.requested(data, now)
        self._begin += data
        if data and PREFACE.startswith(self._begin) and self._begin != PREFACE:
            return []  # it may be either
        self._http = Http2() if self._begin.startswith(PREFACE) else Http1()
        found = self._http.requested(self._begin, now)
        if self._early:
            found += self._http.answered(self._early, now)
        return found

    def answered(self, data: bytes, now: float) -> list[Exchange]:
        """Bytes of the server; empty at their end."""
        if self._http is not None:
            return self._http.answered(data, now)
        self._early += data[: KEPT - len(self._early)]
        return []

    def abandoned(self, why: str, now: float) -> list[Exchange]:
        """The connection is over; what becomes of requests that have no whole answer."""
        return self._http.abandoned(why, now) if self._http is not None else []
