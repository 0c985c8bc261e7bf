"""Run programs; a program that fails becomes a PlaygroundError with what it said."""

import shutil
import subprocess
from collections.abc import Sequence

from playground.errors import PlaygroundError


def run(argv: Sequence[str], *, stdin: str | None = None, timeout: float = 300) -> str:
    """Run to the end and return standard output. Raises: PlaygroundError."""
    try:
        done = subprocess.run(
            argv, input=stdin, capture_output=True, text=True, timeout=timeout, check=False
        )
    except FileNotFoundError:
        raise PlaygroundError(
            f"{argv[0]} is not installed", hint="run `playground setup` as root"
        ) from None
    except subprocess.TimeoutExpired:
        raise PlaygroundError(f"{shown(argv)} did not end within {timeout:.0f} s") from None
    if done.returncode:
        raise PlaygroundError(f"{shown(argv)} failed: {last_lines(done.stderr or done.stdout)}")
    return done.stdout


def output_of(argv: Sequence[str]) -> str:
    """Standard output of a program that may well fail; what it complains of is thrown away."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    return done.stdout


def succeeds(argv: Sequence[str]) -> bool:
    """Whether a program ends with 0; what it prints is thrown away."""
    return subprocess.run(argv, capture_output=True, timeout=30, check=False).returncode == 0


def is_installed(program: str) -> bool:
    return shutil.which(program, path="/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin") is not None


def shown(argv: Sequence[str]) -> str:
    """A command as an error message names it: short."""
    text = " ".join(argv)
    return f"`{text[:100]}…`" if len(text) > 100 else f"`{text}`"


def last_lines(text: str, count: int = 4) -> str:
    return "\n".join(text.strip().splitlines()[-count:]) or "(it said nothing)"
