"""Standard output that may lose its reader, or find no room, without stopping an undo."""

import errno
import os
import signal
from typing import TextIO

from ktconnect.errors import KtError

NO_ROOM = "see that there is room where it goes; what was begun is undone"


class LastingStream:
    """A stream that outlives its reader: a closed terminal or pipe must not stop an undo.

    Once nobody reads any more, the process is asked to end (SIGTERM), as SIGPIPE would.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream: TextIO | None = stream
        self.failure: OSError | None = None
        self.encoding = stream.encoding  # rich looks at it

    def write(self, text: str) -> int:
        if self._stream is not None:
            try:
                self._stream.write(text)
                self._stream.flush()
            except OSError as error:
                self.failure = error
                self._give_up(self._stream)
        return len(text)

    def flush(self) -> None:
        """Nothing waits: every write is flushed."""

    def isatty(self) -> bool:
        return self._stream is not None and self._stream.isatty()

    def fileno(self) -> int:
        return -1 if self._stream is None else self._stream.fileno()

    def _give_up(self, stream: TextIO) -> None:
        self._stream = None
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())  # else the interpreter's last flush fails too
        os.close(nowhere)
        os.kill(os.getpid(), signal.SIGTERM)


def check_written(stream: object) -> None:
    """Raises: KtError if ``stream`` had to give up; a reader that left is no error."""
    failure = getattr(stream, "failure", None)
    if failure is not None and failure.errno != errno.EPIPE:
        raise KtError(f"standard output can't be written: {failure.strerror}", hint=NO_ROOM)
