"""A process of its own for a session that is to outlive its terminal."""

import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NoReturn

from ktconnect.errors import HostError

Body = Callable[["Caller"], int]


class Caller:
    """The process that began a session in the background: it hears what is said until Ready."""

    def __init__(self, descriptor: int) -> None:
        """Takes over ``descriptor``, the writing end of a pipe."""
        self._descriptor = descriptor
        os.set_blocking(descriptor, False)

    def tell(self, line: str) -> None:
        """One line. A caller who is gone, or doesn't listen, is left."""
        if self._descriptor < 0:
            return
        data = line.encode()
        try:
            told = os.write(self._descriptor, data) == len(data)
        except OSError:
            told = False
        if not told:
            self.leave()

    def leave(self) -> None:
        """Nothing more is told: it may go. Idempotent."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


CRASHED: Final = 1


def spawn(body: Body) -> tuple[int, int]:
    """Run ``body`` in a new process of a new session (setsid(2)), without a terminal.

    Returns its process id and the reading end of what it tells its caller: at its end, or at
    ``Caller.leave``, that is closed. Raises: HostError if there can be no more processes.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    reading, writing = os.pipe()
    try:
        pid = os.fork()
    except OSError as error:
        raise HostError(f"no process can be started: {error.strerror}", hint="end some") from None
    if pid == 0:
        os.close(reading)
        _be_child(body, Caller(writing))
    os.close(writing)
    return pid, reading


def _be_child(body: Body, caller: Caller) -> NoReturn:
    code = CRASHED
    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.close(nothing)
        code = body(caller)
    except BaseException:  # noqa: BLE001 - nobody is above us: it is in the log or nowhere
        with suppress(OSError):
            os.write(2, traceback.format_exc().encode())
    finally:
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def exit_code(pid: int) -> int:
    """Wait for the end of a child: its code, or that of a shell for a signal (128 + number)."""
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code


def ask_to_end(pid: int) -> None:
    """Have a child undo what it did and end."""
    os.kill(pid, signal.SIGTERM)
