"""One shell on the laptop for all looks, so that the times shown are those of the commands."""

import shlex
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

LIMIT_SECONDS = 30
_END = "--- end of output"


@dataclass(frozen=True)
class Ran:
    """What a command printed (both streams), and how long it took."""

    output: str
    seconds: float


class Shell:
    """A shell started by ``command``; leaving its context ends it."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            [*command, "sh"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, command: str) -> Ran:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        limited = f"timeout {LIMIT_SECONDS} sh -c {shlex.quote(command)}"
        began = time.monotonic()
        self._process.stdin.write(f"{limited} </dev/null 2>&1; echo; echo '{_END}'\n")
        self._process.stdin.flush()
        lines: list[str] = []
        for line in self._process.stdout:
            if line.rstrip() == _END:
                break
            lines.append(line)
        return Ran("".join(lines).removesuffix("\n"), time.monotonic() - began)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate()
