"""What h11 tells, taken over: a body as it comes, headers with their names as they were sent."""

import hashlib
from typing import Any

from .exchange import KEPT, Body, Headers


class Growing:
    """A body as it comes: its beginning, its size, its digest."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._size = 0
        self._digest = hashlib.sha256()

    def more(self, data: bytes | bytearray) -> None:
        """The next bytes."""
        self._kept += data[: KEPT - len(self._kept)]
        self._size += len(data)
        self._digest.update(data)

    def body(self) -> Body:
        """All that has come."""
        return Body(bytes(self._kept), self._size, self._digest.hexdigest())


def headers_of(event: Any) -> Headers:
    """Those of an event of h11, with their names as they were sent, not as h11 compares them."""
    pairs = event.headers.raw_items()
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in pairs)
