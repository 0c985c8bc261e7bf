"""Programs in Python start here as where they are installed: with their modules compiled."""

import compileall
import os
from pathlib import Path

import ktconnect

OURS = Path(ktconnect.__file__).parent
FORBIDS = "PYTHONDONTWRITEBYTECODE"
"""Where it is set, nothing is compiled in advance, and every start pays for all of it."""


def start_as_installed(package: Path = OURS) -> None:
    """Compile it as pip does, and have what is started from now on keep what it compiles."""
    os.environ.pop(FORBIDS, None)
    compileall.compile_dir(package, quiet=2)
