"""A ktctl that has a terminal on the laptop, as a person's has."""

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Iterator

from playground.cluster import Playground
from tests.cluster.connecting import environment
from tests.cluster.patience import at_last

CONTROL = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


class Terminal:
    """What a program with a terminal of its own shows."""

    def __init__(self, cluster: Playground, argv: list[str], columns: int) -> None:
        self._master, slave = pty.openpty()
        self.raw = ""
        self.resize(columns)
        ends = {"stdin": slave, "stdout": slave, "stderr": slave}
        env = {**environment(None, None), "TERM": "xterm"}
        env.pop("COLUMNS", None)
        self.process = cluster.laptop_popen(["setsid", "--ctty", *argv], env=env, **ends)
        os.close(slave)

    def resize(self, columns: int) -> None:
        """Change the window; the kernel tells the program."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    @property
    def seen(self) -> str:
        """All it showed so far, without control sequences."""
        return CONTROL.sub("", self.raw)

    def wait_for(self, shown: Callable[[str], bool], within: float = 20) -> None:
        """Until what was seen satisfies; a program that ends before fails the test."""
        deadline = time.monotonic() + at_last(within)
        while not shown(self.seen):
            assert time.monotonic() < deadline, self.raw
            assert self._read(1.0), f"ended: {self.raw}"

    def _read(self, within: float) -> bool:
        """Take in what is there now. False: it has closed its terminal."""
        if not select.select([self._master], [], [], within)[0]:
            return True
        try:
            data = os.read(self._master, 1 << 16)
        except OSError:  # EIO: the last program has closed it
            return False
        self.raw += data.decode(errors="replace")
        return bool(data)

    def interrupt(self, within: float = 30) -> int:
        """Ctrl-C; returns the exit code."""
        os.write(self._master, b"\x03")
        deadline = time.monotonic() + at_last(within)
        while self._read(1.0):
            assert time.monotonic() < deadline, self.raw
        return self.process.wait(at_last(within))

    def hang_up(self, within: float = 30) -> int:
        """Close the terminal, as a closed window does; returns the exit code."""
        os.close(self._master)
        self._master = -1
        return self.process.wait(at_last(within))

    def close(self) -> None:
        if self._master >= 0:
            os.close(self._master)
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(10)


@contextlib.contextmanager
def terminal(cluster: Playground, argv: list[str], columns: int = 80) -> Iterator[Terminal]:
    """Run it for as long as the block; what is left of it is killed."""
    found = Terminal(cluster, argv, columns)
    try:
        yield found
    finally:
        found.close()
