"""Every failure the playground expects, with a hint for the user."""


class PlaygroundError(Exception):
    """The command line prints the message and the ``hint``, without a traceback."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint
