"""`ktctl preview`."""

from typing import Any

import click

from ktconnect.modes.serving.expose import parse_exposes
from ktconnect.modes.serving.spec import PreviewSpec
from ktconnect.modes.spec import ClusterSpec

from .options import shared_options, take_shared
from .sections import Sectioned
from .serving import expose_option, run_serving, serving_options, serving_spec


@click.command(cls=Sectioned, short_help="Make a new Service whose only backend is a program here.")
@click.argument("name")
@expose_option("Ports of the new Service, and where they lead here.", required=True)
@click.option("--external", is_flag=True, help="For the world too: of type LoadBalancer.")
@serving_options
@shared_options
@click.pass_context
def preview(context: click.Context, /, **flags: Any) -> int:
    """Make a new Service of the cluster whose only backend is this machine.

    \b
    ktctl preview mine --expose 8080             http://mine:8080 in the cluster is localhost:8080
    ktctl preview mine --expose 8080:80          http://mine is localhost:8080
    ktctl preview mine --expose 8080:80,5353:53/udp
    ktctl preview mine --expose 8080:80 --external
    ktctl preview mine --expose 8080:80 --dryRun   what would be made

    A Service of that name that is there already is never touched. Ends with Ctrl-C, and the
    Service with it.
    """
    shared = take_shared(context)
    spec = spec_of(flags, shared.cluster)
    from ktconnect.modes.preview import run

    return run_serving(context, shared, flags["name"], lambda reporter: run(spec, reporter))


def spec_of(flags: dict[str, Any], cluster: ClusterSpec) -> PreviewSpec:
    """The flags as click read them, parsed. Raises: UsageError."""
    return PreviewSpec(
        name=flags["name"].removeprefix("service/").removeprefix("svc/"),
        exposes=parse_exposes(flags["expose"]),
        serving=serving_spec(flags, cluster),
        external=flags["external"],
    )
