"""`python -m bench.drill`: how many calls fail when a laptop that serves them dies."""

import sys
from collections import defaultdict
from pathlib import Path

import click
from playground.cluster import Playground
from playground.errors import PlaygroundError
from rich.console import Console

from bench.__main__ import ROOT, write
from bench.drill import table
from bench.drill.calls import Outcome
from bench.drill.deaths import DEATHS, Death
from bench.drill.round import drill
from bench.drill.site import Site
from bench.errors import BenchError

PLAYGROUND = "drill"
console = Console(stderr=True, highlight=False, emoji=False)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--rounds", type=click.IntRange(1), default=10, show_default=True)
@click.option("--rate", type=float, default=200.0, show_default=True, help="Calls a second.")
@click.option("--restoreAfter", "after", type=int, default=60, show_default=True, help="Seconds.")
@click.option("--only", default="", metavar="WORDS", help="Deaths whose name has these words.")
@click.option("--name", default=PLAYGROUND, show_default=True, help="Name of the playground.")
@click.option("--keep", is_flag=True, help="Leave the playground up for the next run.")
@click.option("--json", "out", type=click.Path(path_type=Path), default=ROOT / "build/drill.json")
def main(  # noqa: PLR0913 - the options of a command
    *, rounds: int, rate: float, after: int, only: str, name: str, keep: bool, out: Path
) -> None:
    """Exchange a Service that is called all the time, die in each way, and count what callers saw.

    Exit code 1 if a call failed, or if a death could not be drilled.
    """
    playground = Playground(name)
    new = playground.up(say=lambda step: console.print(f"  {step}", markup=False))
    try:
        site = Site(playground, rate)
        site.prepare()
        chosen = [death for death in DEATHS if only in death.name]
        sound, outcomes = _drill(site, chosen, rounds, after)
        site.remove()
    except (BenchError, PlaygroundError) as error:
        console.print(f"drill: {error}", style="red", markup=False)
        sys.exit(1)
    finally:
        if new and not keep:
            playground.down()
    write(out, table.as_data(outcomes))
    Console(width=None if sys.stdout.isatty() else 150, emoji=False).print(table.table(outcomes))
    sys.stdout.write(f"{table.summary(outcomes)}\n")
    sys.exit(0 if sound else 1)


def _drill(
    site: Site, deaths: list[Death], rounds: int, after: int
) -> tuple[bool, dict[str, list[Outcome]]]:
    """Whether every call of every round was answered, and the outcomes by the death's name."""
    sound, outcomes = True, defaultdict[str, list[Outcome]](list)
    for number in range(1, rounds + 1):
        for death in deaths:
            try:
                found, why = drill(site, death, after)
            except (BenchError, PlaygroundError) as error:
                sound = False
                console.print(f"{death.name}, round {number}: {error}", style="red", markup=False)
                continue
            outcomes[death.name].append(found)
            sound = sound and not found.failed
            text = f"{found.failed} of {found.calls} failed, {found.cut} cut, {found.longest:.1f} s"
            console.print(f"{death.name}, round {number}: {text}. {why}", markup=False)
    return sound, outcomes


if __name__ == "__main__":
    main()
