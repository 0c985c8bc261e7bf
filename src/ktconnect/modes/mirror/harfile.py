"""A HAR file that grows, and is whole after every entry: also after Ctrl-C, and after kill -9."""

import errno
import os
from pathlib import Path

from ktconnect import __version__
from ktconnect.errors import UsageError
from ktconnect.traffic.har import TAIL, Row, more, opening


class HarFile:
    """For its owner's eyes alone (mode 0600). Closes: the file, on ``close``."""

    def __init__(self, path: str) -> None:
        """Raises: UsageError if it is there already, or can't be made."""
        self.path = Path(path)
        self.entries = 0
        try:
            self._fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _refused(path, error) from None
        self._end = os.pwrite(self._fd, opening(__version__), 0) - len(TAIL)

    def add(self, entry: Row) -> None:
        """Write one more, over what closes the file: in one piece, so it is never half there.

        Raises: OSError; the file is as it was then.
        """
        data = more(entry, first=not self.entries)
        written = os.pwrite(self._fd, data, self._end)
        if written < len(data):  # the disk is full
            os.pwrite(self._fd, TAIL, self._end)
            os.ftruncate(self._fd, self._end + len(TAIL))
            raise OSError(None, "no room for the whole entry")
        self._end += written - len(TAIL)
        self.entries += 1

    def close(self) -> None:
        """Idempotent. A file without an entry is taken away again."""
        if self._fd < 0:
            return
        os.close(self._fd)
        self._fd = -1
        if not self.entries:
            self.path.unlink(missing_ok=True)


def check_new(path: str) -> None:
    """Look, before much else is done, whether such a file can be made; nothing is. "": none is
    wanted. Raises: UsageError."""
    if not path:
        return
    try:
        if os.path.lexists(path):
            raise FileExistsError
        folder = Path(path).parent
        if not folder.is_dir():
            raise FileNotFoundError(errno.ENOENT, f"there is no folder {folder}")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES).lower())
    except OSError as error:
        raise _refused(path, error) from None


def _refused(path: str, error: OSError) -> UsageError:
    if isinstance(error, FileExistsError):
        return UsageError(
            f"--record {path}: there is such a file already", hint="take another name"
        )
    return UsageError(f"--record {path}: {error.strerror}")
