"""`python -m bench`: a table of ratios, measured in one run."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import click
from playground.cluster import Playground
from playground.errors import PlaygroundError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench import inbound, packages, rows, soak, table
from bench.compiled import start_as_installed
from bench.errors import BenchError
from bench.measure import EVERYONE, Field, Measure
from bench.measures import measures
from bench.peers import Ktctl, KubectlForward, Peer, Sshuttle
from bench.run import Run, takings
from bench.site import Site

ROOT = Path(__file__).parent.parent
PLAYGROUND = "bench"
ROUNDS = 3
WIDE = 170  # columns, where it is not a terminal that says
PEERS: dict[str, type[Ktctl | KubectlForward | Sshuttle]] = {
    rows.OURS: Ktctl,
    rows.KUBECTL: KubectlForward,
    rows.SSHUTTLE: Sshuttle,
}
console = Console(stderr=True, highlight=False, emoji=False)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--quick", is_flag=True, help="One short round: minutes less, and less to rely on.")
@click.option(
    "--only", default="", metavar="ROW", help="Rows that begin so: down1, ping@20, crowd."
)
@click.option("--peers", default=",".join(EVERYONE), show_default=True, help="Which, by comma.")
@click.option("--soak", "minutes", type=float, help="Instead: mixed load, and does anything grow?")
@click.option("--keep", is_flag=True, help="Leave the playground up for the next run.")
@click.option("--json", "out", type=click.Path(path_type=Path), help="Where the figures go.")
def main(
    *, quick: bool, only: str, peers: str, minutes: float | None, keep: bool, out: Path | None
) -> None:
    """Measure ktctl connect next to kubectl port-forward and sshuttle, and ktctl exchange next to
    ssh -R, on the playground.

    A goal that is not met is said, and is no failure: machines are noisy. --soak does fail.
    """
    out = out or ROOT / "build" / ("soak.json" if minutes else "bench.json")
    try:
        with _field(keep=keep, quick=quick) as field:
            if minutes:
                sys.exit(_soak(field, minutes, out))
            _bench(field, [_peer(name, field) for name in peers.split(",")], only, out)
    except (BenchError, PlaygroundError) as error:
        console.print(f"bench: {error}", style="red", markup=False)
        sys.exit(1)


def _peer(name: str, field: Field) -> Peer:
    if name not in PEERS:
        raise BenchError(f"there is no peer {name}; known: {', '.join(PEERS)}")
    return PEERS[name](field.site, field.folder)


def _bench(field: Field, peers: list[Peer], only: str, out: Path) -> None:
    began, plan, rounds = time.monotonic(), measures(only), 1 if field.short else ROUNDS
    callers = inbound.measures(only)
    total = sum(takings(wanted, peers, rounds) for _, wanted in plan)
    total += takings(callers, inbound.peers(field), rounds)
    with _progress(total) as tell:
        run = Run(field, peers, rounds, tell)
        for delay, wanted in plan:
            run.at(delay, wanted)
        if callers:
            _from_cluster(run, callers)
    Console(width=None if sys.stdout.isatty() else WIDE, emoji=False).print(
        table.table(run.results)
    )
    for problem in table.problems(run.results):
        console.print(f"not measured: {problem}", style="yellow", markup=False)
    facts = {
        "rounds": rounds,
        "seconds": round(time.monotonic() - began),
        "roundTrips": run.round_trips,
        "restarts": run.restarts,
    }
    write(out, table.as_data(run.results, facts))
    console.print(f"{table.summary(run.results)} {facts['seconds']} s. Figures: {out}")


def _from_cluster(run: Run, wanted: list[Measure]) -> None:
    """What callers in the cluster get from the laptop; added to the run's results."""
    field = run.field
    with inbound.answering(field.site):
        seen = replace(field, site=inbound.FromPod(field.site))
        other = Run(seen, inbound.peers(field), run.rounds, run.tell)
        other.at(0, wanted)
    for key, figures in other.results.items():
        run.results[key].update(figures)
    run.restarts |= {f"{name} (callers)": count for name, count in other.restarts.items()}


def _soak(field: Field, minutes: float, out: Path) -> int:
    """1 if something grew."""
    samples = soak.run(field, minutes, lambda text: console.print(text, markup=False))
    grown = soak.verdict(samples)
    write(out, {"samples": [asdict(sample) for sample in samples], "grown": grown})
    console.print("\n".join(grown) or f"Nothing grew. Figures: {out}", markup=False)
    return 1 if grown else 0


def write(out: Path, found: object) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(found, indent=1) + "\n")


@contextmanager
def _field(*, keep: bool, quick: bool) -> Iterator[Field]:
    """A playground with the Pods in it. It is taken down at the end if it was not up before."""
    start_as_installed()
    if installed := packages.demand():
        console.print(f"Installed: {', '.join(installed)}")
    playground = Playground(PLAYGROUND)
    with tempfile.TemporaryDirectory(prefix="ktctl-bench-") as folder:
        new = playground.up(say=lambda step: console.print(f"  {step}", markup=False))
        try:
            site = Site(playground)
            site.prepare(_key(Path(folder)))
            yield Field(site, Path(folder), short=quick)
        finally:
            if new and not keep:
                playground.down()


def _key(folder: Path) -> str:
    """Make a key pair for sshuttle; the public half."""
    file = str(folder / "key")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file], check=True)
    return (folder / "key.pub").read_text()


@contextmanager
def _progress(total: int) -> Iterator[Callable[[str], None]]:
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=total)
        yield lambda text: progress.update(task, advance=1, description=text)


if __name__ == "__main__":
    main()
