"""How the command line talks: steps with their time, and the bar of the long build."""

import time
from dataclasses import dataclass, field

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from playground.build import KUBERNETES
from playground.cluster import Playground
from playground.gobuild import Programs

console = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)
pass_playground = click.make_pass_decorator(Playground)


@dataclass
class Steps:
    """Prints each step with the seconds since the start."""

    began: float = field(default_factory=time.monotonic)

    def __call__(self, text: str) -> None:
        console.print(f"{time.monotonic() - self.began:6.1f} s  {text}", markup=False)


def build_with_progress(programs: Programs = KUBERNETES) -> None:
    """Build Go programs if they aren't built. Raises: PlaygroundError."""
    if programs.is_built():
        return
    title = programs.title
    console.print(f"Building {title}, once per version: 3 to 6 minutes on two cores …")
    columns = (TextColumn("  packages"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("build", total=programs.packages)
        programs.build(lambda count: progress.update(task, completed=count))
        progress.update(task, completed=programs.packages)
