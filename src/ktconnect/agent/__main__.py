"""The process in the cluster: ``python -I -S ktagent.pyz --port 7070 --token-sha256 HEX``.

``--check --port 7070`` instead asks whether it listens (exit status 0 or 1). It runs as a probe
over and over, so it imports next to nothing.
"""

import os
import sys

from ktconnect.names import AGENT_PORT

from .check import listens


def main(argv: list[str] | None = None) -> int:
    """Run until SIGTERM; the exit status."""
    argv = sys.argv[1:] if argv is None else argv
    if argv[:1] == ["--check"]:
        return 0 if listens(_port_to_check(argv)) else 1
    return _serve(argv)


def _port_to_check(argv: list[str]) -> int:
    return int(argv[2]) if argv[1:2] == ["--port"] else AGENT_PORT


def _serve(argv: list[str]) -> int:
    from ktconnect.errors import UsageError
    from ktconnect.wire.spec import AgentSpec

    from .serve import serve

    try:
        serve(AgentSpec.from_argv(argv), log)
    except UsageError as error:
        log(f"{error}. {error.hint}")
        return error.exit_code
    except OSError as error:
        log(f"can't listen: {error.strerror}")
        return 1
    return 0


def log(line: str) -> None:
    """To the Pod's log. Never a token: none is ever passed here."""
    os.write(2, f"ktagent: {line}\n".encode())


if __name__ == "__main__":
    sys.exit(main())
