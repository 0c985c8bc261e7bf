"""``playground node``, ``component`` and ``apiserver``: parts that fail."""

import click

from playground.cli.say import console, pass_playground
from playground.cluster import Playground


@click.group()
def node() -> None:
    """Kill, stop and start nodes."""


@node.command("kill")
@click.argument("name")
@pass_playground
def kill_node(playground: Playground, name: str) -> None:
    """Take a node's power away: its programs and Pods end at once."""
    playground.kill_node(name)


@node.command("stop")
@click.argument("name")
@pass_playground
def stop_node(playground: Playground, name: str) -> None:
    """Shut a node down."""
    playground.stop_node(name)


@node.command("start")
@click.argument("name")
@pass_playground
def start_node(playground: Playground, name: str) -> None:
    """Start a node that was killed or stopped."""
    playground.start_node(name)


@click.group()
def component() -> None:
    """Stop, start and restart single programs, such as kube-apiserver."""


_machine = click.option("--machine", default="node1", show_default=True, help="Where it runs.")


@component.command("list")
@pass_playground
def list_components(playground: Playground) -> None:
    """Show which machine runs what."""
    for machine, names in playground.components().items():
        click.echo(f"{machine:9} {' '.join(names)}")


@component.command("stop")
@click.argument("name")
@_machine
@pass_playground
def stop_component(playground: Playground, name: str, machine: str) -> None:
    """Stop a program and keep it stopped."""
    playground.stop_component(name, machine)


@component.command("start")
@click.argument("name")
@_machine
@pass_playground
def start_component(playground: Playground, name: str, machine: str) -> None:
    """Let a stopped program run again."""
    playground.start_component(name, machine)


@component.command("restart")
@click.argument("name")
@_machine
@pass_playground
def restart_component(playground: Playground, name: str, machine: str) -> None:
    """Stop a program and start it again."""
    playground.restart_component(name, machine)
    console.print(f"{name} on {machine} is started again", markup=False)


@click.group()
def apiserver() -> None:
    """Stop, start and restart the API server."""


@apiserver.command("stop")
@pass_playground
def stop_apiserver(playground: Playground) -> None:
    """Stop the API server and keep it stopped."""
    playground.stop_component("kube-apiserver")


@apiserver.command("start")
@pass_playground
def start_apiserver(playground: Playground) -> None:
    """Let the API server run again."""
    playground.start_component("kube-apiserver")


@apiserver.command("restart")
@pass_playground
def restart_apiserver(playground: Playground) -> None:
    """Stop the API server and start it again."""
    playground.restart_component("kube-apiserver")
