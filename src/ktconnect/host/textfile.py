"""Changing a system file in place, so that all but its bytes stays as it was.

A new file renamed over the old one would lose its owner, mode, ACL and SELinux label, replace a
symlink, and fail on a bind mount (containers). Bytes are kept as they are: no decoding is lossy,
no line break is translated.
"""

import os
from pathlib import Path

from ktconnect.errors import Conflict, HostError

PAD = "\0"  # what no text file holds


def read_text(path: Path) -> str | None:
    """The file's text; None if there is no such file. Raises: HostError if it can't be read."""
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise HostError(
            f"{path} can't be read: {error.strerror}", hint=f"see what it is (`ls -l {path}`)"
        ) from None


def replace_text(path: Path, new: str | None, *, expected: str | None) -> None:
    """Write ``new`` over ``expected``; None stands for no file.

    Raises: Conflict if the file holds something else; HostError if it can't be written.
    """
    try:
        if new is None:
            _expect(read_text(path), expected, path)
            path.resolve().unlink(missing_ok=True)  # a link that led nowhere before stays one
        else:
            _write_in_place(path, new, expected)
    except OSError as error:
        raise _unwritable(path, error) from None


def check_writable(path: Path) -> None:
    """See whether `replace_text` could change the file, or make it; changes nothing.

    Raises: HostError.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CLOEXEC))
    except FileNotFoundError:
        folder = path.resolve().parent
        if not os.access(folder, os.W_OK):
            raise HostError(f"{folder} can't be written", hint=_hint(folder)) from None
    except OSError as error:
        raise _unwritable(path, error) from None


def _unwritable(path: Path, error: OSError) -> HostError:
    return HostError(f"{path} can't be written: {error.strerror}", hint=_hint(path))


def _hint(path: Path) -> str:
    return f"see why (`lsattr -d {path}`, `findmnt -T {path}`), or choose another --dnsMode"


def _write_in_place(path: Path, new: str, expected: str | None) -> None:
    flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if expected is None else 0)
    descriptor = os.open(path, flags, 0o644)
    try:
        old = _read_all(descriptor)
        _expect(old.decode("utf-8", "surrogateescape"), expected or "", path)
        _overwrite(descriptor, new.encode("utf-8", "surrogateescape"), old)
    finally:
        os.close(descriptor)


def trim(path: Path) -> None:
    """Finish a write that was killed before its padding was cut off."""
    text = read_text(path)
    if text is not None and text.endswith(PAD):
        replace_text(path, text.rstrip(PAD), expected=text)


def _overwrite(descriptor: int, new: bytes, old: bytes) -> None:
    """One write, so that no reader sees half of it; a shorter text is padded until it is cut."""
    try:
        _write_all(descriptor, new + PAD.encode() * (len(old) - len(new)))
        os.ftruncate(descriptor, len(new))
    except OSError:  # disk full: the old text had its room
        _write_all(descriptor, old)
        os.ftruncate(descriptor, len(old))
        raise


def _write_all(descriptor: int, data: bytes) -> None:
    done = 0
    while done < len(data):
        done += os.pwrite(descriptor, data[done:], done)


def _read_all(descriptor: int) -> bytes:
    size = os.fstat(descriptor).st_size
    return os.pread(descriptor, size + 1, 0)


def _expect(now: str | None, expected: str | None, path: Path) -> None:
    if now != expected:
        raise Conflict(
            f"{path} was changed by someone else", hint="try again, or choose another --dnsMode"
        )
