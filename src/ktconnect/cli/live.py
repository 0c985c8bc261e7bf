"""The last lines of a terminal, kept up to date in place, however narrow it is or becomes."""

from collections.abc import Sequence

from rich.console import Console, Group
from rich.control import Control
from rich.live import Live
from rich.segment import ControlType
from rich.text import Text


class LiveLines:
    """Each line is cut to the terminal's width. Closes: ``close`` takes them away."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._lengths: list[int] = []
        self._width = console.width

    def show(self, lines: Sequence[Text]) -> None:
        """Put these lines in the place of those before them."""
        for line in lines:
            line.no_wrap, line.overflow = True, "ellipsis"
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        self._take_up_wrapped()
        self._lengths = [min(line.cell_len, self._width) for line in lines]
        self._live.update(Group(*lines), refresh=True)

    def close(self) -> None:
        if self._live is not None:
            self._take_up_wrapped()
            self._live.stop()
            self._live = None

    def _take_up_wrapped(self) -> None:
        """A terminal that became narrower has wrapped what it shows: erase the rows too many."""
        before, self._width = self._width, self._console.width
        if self._width < before:
            rows = sum(-(-length // self._width) - 1 for length in self._lengths if length)
            erase = [(ControlType.ERASE_IN_LINE, 2), (ControlType.CURSOR_UP, 1)] * rows
            self._console.control(Control(*erase))
