"""What the demo shows: each step, the command that does it, and what came of it."""

import contextlib
import time
from collections.abc import Iterator

from rich.console import Console

console = Console(highlight=False, soft_wrap=True, emoji=False)


class Steps:
    """Prints steps, and counts those that failed."""

    def __init__(self) -> None:
        self.failed = 0

    def head(self, text: str, command: str = "") -> None:
        console.print(f"\n[bold]{text}[/bold]")
        if command:
            console.print(f"  $ {command}", style="cyan", markup=False)

    def good(self, text: str, seconds: float) -> None:
        console.print(f"  [green]✓[/green] [dim]{_time(seconds)}[/dim]  ", end="")
        console.print(text, markup=False)

    def bad(self, text: str) -> None:
        self.failed += 1
        console.print("  [red]✗[/red] ", end="")
        console.print(text, markup=False)

    @contextlib.contextmanager
    def timed(self, text: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.good(text, time.monotonic() - began)


def _time(seconds: float) -> str:
    return f"{seconds:6.2f} s" if seconds >= 1 else f"{seconds * 1000:5.0f} ms"
