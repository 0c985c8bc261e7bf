"""A client certificate and its key in files, which others renew while we run."""

import logging
from pathlib import Path

from .trust import fits

log = logging.getLogger(__name__)

Pair = tuple[str, str]
Stamp = tuple[tuple[int, int, int], ...]


class CertificateFiles:
    """The pair that ``paths`` hold now; ``held``: what was read from them at the start.

    kubectl reads such files again, too (client-go, transport/cert_rotation.go).
    """

    def __init__(self, paths: tuple[Path, Path], held: Pair) -> None:
        self._paths = paths
        self._held = held
        self._seen: Stamp | None = None

    def current(self) -> Pair:
        """Certificate and key as PEM; while the files are missing or don't fit together, as when
        just one of the two is written already, those that they held before."""
        try:
            stamp = tuple(map(_stamp, self._paths))
            if stamp != self._seen:
                self._take(stamp)
        except (OSError, UnicodeDecodeError) as error:
            log.debug("the client certificate can't be read again: %s", error)
        return self._held

    def _take(self, stamp: Stamp) -> None:
        certificate, key = (path.read_text() for path in self._paths)
        if (certificate, key) == self._held or fits((certificate, key)):
            self._held, self._seen = (certificate, key), stamp


def _stamp(path: Path) -> tuple[int, int, int]:
    """Another one after every change: of the text, or of where a link leads."""
    found = path.stat()
    return found.st_mtime_ns, found.st_size, found.st_ino
