"""``playground setup``, ``up``, ``down``, ``status`` and ``logs``."""

import json
import time
from pathlib import Path
from typing import Any

import click

from playground import packages
from playground import status as report
from playground.cli.say import Steps, build_with_progress, console, pass_playground
from playground.cluster import Playground
from playground.errors import PlaygroundError
from playground.istio.programs import ISTIO

LINES = 40


@click.command()
@click.option("--istio", is_flag=True, help="Build Istio, too.")
def setup(istio: bool) -> None:
    """Install the Debian packages that are missing, and build the programs."""
    if lacking := packages.missing():
        console.print(f"Installing Debian packages: {', '.join(lacking)} …")
        packages.install(lacking)
    packages.demand()
    build_with_progress()
    if istio:
        build_with_progress(ISTIO)


@click.command()
@click.option("--nodes", type=click.IntRange(1, 9), help="How many nodes; a new one has 1.")
@click.option("--images", default="", help="More images, by comma: envoy, sshd.")
@click.option("--istio", is_flag=True, help="With Istio and the Gateway API's kinds.")
@pass_playground
def up(playground: Playground, nodes: int | None, images: str, istio: bool) -> None:
    """Bring a playground up; what is up already stays."""
    packages.demand()
    build_with_progress()
    if istio:
        build_with_progress(ISTIO)
    steps = Steps()
    if playground.up(nodes, steps):
        console.print(
            f"Playground {playground.name} is up. Try: {playground.command} kubectl get nodes"
        )
    else:
        console.print(f"Playground {playground.name} is up already.")
    for name in filter(None, images.split(",")):
        playground.load_image(playground.store.builtin(name))
        steps(f"image {name} is loaded")
    if istio and not playground.add_istio(steps):
        console.print("Istio is up already.")


@click.command()
@pass_playground
def down(playground: Playground) -> None:
    """Take a playground down; nothing of it is left."""
    began = time.monotonic()
    if playground.down():
        console.print(f"Playground {playground.name} is gone ({time.monotonic() - began:.1f} s).")
    else:
        console.print(f"There is no playground {playground.name}.")


@click.command()
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text")
@pass_playground
def status(playground: Playground, output: str) -> None:
    """Say what there is: nodes, addresses, ranges, images, versions."""
    found = report.status(playground)
    click.echo(
        json.dumps(found, indent=2)
        if output == "json"
        else "\n".join(_lines(found, playground.command))
    )


def _lines(found: dict[str, Any], command: str) -> list[str]:
    ranges = found["ranges"]
    return [
        f"{found['name']} is {found['state']}, API server {found['server']}",
        *(_node_line(node) for node in found["nodes"]),
        f"laptop    {' '.join(found['laptop']['addresses'])}, line: {found['line']['text']}",
        *(f"{name:9} {' '.join(ranges[name])}" for name in ("pods", "services")),
        f"images    {' '.join(found['images'].values())}",
        f"istio     {_istio_line(found['istio'], command)}",
        f"versions  {' '.join(f'{name} {value}' for name, value in found['versions'].items())}",
        f"config    {found['kubeconfig']}",
    ]


def _node_line(node: dict[str, Any]) -> str:
    health = "Ready" if node["ready"] else "running, not Ready" if node["running"] else "stopped"
    return (
        f"{node['name']:9} {' '.join(node['addresses'])}, Pods {' '.join(node['pods'])}, {health}"
    )


def _istio_line(found: dict[str, Any], command: str) -> str:
    if not found["installed"]:
        return f"none; `{command} up --istio` installs it"
    return f"{found['version']}, {'ready' if found['ready'] else 'not ready'}"


@click.command()
@click.argument("component", default="")
@click.option("--machine", default="node1", show_default=True, help="Where it runs.")
@click.option("-f", "--follow", is_flag=True, help="Go on as it grows.")
@pass_playground
def logs(playground: Playground, component: str, machine: str, follow: bool) -> None:
    """Show what COMPONENT says; without one, what there is."""
    folder = playground.folder.root / "log"
    if not component:
        files = sorted(folder.glob("*/*.log"))
        if not files:
            raise PlaygroundError(
                f"playground {playground.name} has no logs",
                hint=f"`{playground.command} up` makes one",
            )
        for file in files:
            click.echo(f"{file.stem} --machine {file.parent.name}")
        return
    file = playground.folder.log(machine, component)
    if not file.exists():
        raise PlaygroundError(
            f"{machine} has no log of {component}",
            hint=f"`{playground.command} logs` lists what there is",
        )
    _show(file, follow)


def _show(file: Path, follow: bool) -> None:
    with file.open(errors="replace") as opened:
        click.echo("".join(opened.readlines()[-LINES:]), nl=False)
        while follow:
            if line := opened.readline():
                click.echo(line, nl=False)
            else:
                time.sleep(0.2)
