"""``playground net``: what is between laptop and cluster, and between Pods."""

from typing import Any

import click

from playground import denial, line
from playground.cli.say import console, pass_playground
from playground.cluster import Playground
from playground.errors import PlaygroundError
from playground.line import Line


@click.command()
@click.option("--delay", default="", help="Round trip, such as 20ms.")
@click.option("--rate", default="", help="Each way, such as 100mbit.")
@click.option("--loss", default="", help="Of packets, each way, such as 0.1%.")
@click.option("--cut", is_flag=True, help="Nothing passes any more; no link goes down.")
@click.option("--restore", is_flag=True, help="End a cut; delay, rate and loss are as before.")
@click.option("--deny", nargs=2, metavar="FROM TO", help="Pods (NAMESPACE/NAME) or ranges.")
@click.option("--clear", is_flag=True, help="A plain line, no denials.")
@pass_playground
def net(playground: Playground, /, **wanted: Any) -> None:
    """Put delay, rate and loss between laptop and cluster, cut it off, deny Pods each other.

    Without options it says what is in force. Delay, rate and loss are set together: what is not
    given is none.
    """
    chosen = [name for name, value in wanted.items() if value]
    if len(set(chosen) - {"delay", "rate", "loss"}) > 1 or len(_kinds(chosen)) > 1:
        raise PlaygroundError("these options don't go together", hint="give one after the other")
    _change(playground, wanted, chosen)
    console.print(f"line: {line.current(playground)}", markup=False)
    for origins, goals in playground.state.denials:
        console.print(f"denied: {', '.join(origins)} to {', '.join(goals)}", markup=False)


def _kinds(chosen: list[str]) -> set[str]:
    return {"line" if name in ("delay", "rate", "loss") else name for name in chosen}


def _change(playground: Playground, wanted: dict[str, Any], chosen: list[str]) -> None:
    now = line.current(playground)
    match sorted(_kinds(chosen)):
        case ["line"]:
            line.put(playground, line.parse(*(str(wanted[k]) for k in ("delay", "rate", "loss"))))
        case ["cut"]:
            line.put(playground, Line(now.delay, now.rate, now.loss, cut=True))
        case ["restore"]:
            line.put(playground, Line(now.delay, now.rate, now.loss))
        case ["clear"]:
            line.put(playground, Line())
            denial.clear(playground)
        case ["deny"]:
            denial.deny(playground, *wanted["deny"])
