"""The programs that the bench uses, and the Debian packages that have them."""

import shutil
import subprocess
import sys
from pathlib import Path

from playground import packages

from bench.errors import BenchError

NEEDED = {
    "wrk": "wrk",
    "dnsperf": "dnsperf",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
}
PYTHON = Path(sys.executable)


def missing() -> list[str]:
    """Debian packages that are not installed."""
    return sorted({package for program, package in NEEDED.items() if not shutil.which(program)})


def demand() -> list[str]:
    """Install what is missing; the names of it. Raises: BenchError, PlaygroundError."""
    lacking = missing()
    if lacking:
        packages.install(lacking)
    if not PYTHON.with_name("sshuttle").exists():
        _install_group()
        lacking.append("sshuttle")
    return lacking


def _install_group() -> None:
    """sshuttle, from the group `bench` of pyproject.toml."""
    root = Path(__file__).parent.parent
    pip = [
        str(PYTHON),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--group",
        f"{root}/pyproject.toml:bench",
    ]
    if subprocess.run(pip, check=False).returncode:
        raise BenchError("sshuttle could not be installed by pip")
