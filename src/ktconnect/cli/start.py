"""The console script: so small that Ctrl-C finds nothing to trace before there is somebody to ask.

Until the commands are loaded SIGINT ends us as it ends any program, without a word.
"""

import signal


def main() -> None:
    """Load the commands and run the one that was called. Exits: always."""
    asked = signal.signal(signal.SIGINT, signal.SIG_DFL)
    from .main import main as run

    signal.signal(signal.SIGINT, asked)
    run()


if __name__ == "__main__":
    main()
