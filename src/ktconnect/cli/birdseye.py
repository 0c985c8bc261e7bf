"""`ktctl birdseye`."""

import asyncio
from typing import Any

import click

from .listing import Column, Listing, key, render, show, watch
from .options import every_namespace, listing_options, take_shared, watch_option
from .sections import Sectioned
from .session import until_stopped

EVERY = 2.0
"""Seconds between two looks at the cluster."""

NAMESPACE = Column("NAMESPACE", key("namespace"))
COLUMNS = (
    Column("NAME", key("name")),
    Column("STATUS", key("text")),
    Column("SINCE", key("since")),
    Column("STATE", key("state")),
    Column(
        "PORTS",
        lambda row: "; ".join(",".join(each["ports"]) for each in row["sessions"]),
        wide=True,
    ),
    Column("MARK", lambda row: "; ".join(each["mark"] for each in row["sessions"]), wide=True),
    Column(
        "SESSION", lambda row: "; ".join(each["session"] for each in row["sessions"]), wide=True
    ),
)


@click.command(cls=Sectioned, short_help="Show who uses which Service of a namespace.")
@click.option(
    "--sortBy",
    type=click.Choice(["status", "name"], case_sensitive=False),
    default="status",
    show_default=True,
    help="What comes first.",
)
@click.option("--showConnector", is_flag=True, help="Show who is connected, too.")
@click.option("--hideNaturalService", is_flag=True, help="Leave out what nobody takes.")
@every_namespace(help="Look at every namespace.")
@watch_option
@listing_options
@click.pass_context
def birdseye(context: click.Context, /, **flags: Any) -> int:
    """Show every Service of a namespace, and who exchanges, meshes or previews it.

    Whether a user's laptop is alive is told by the server's clock. Sessions of KT Connect 0.3 are
    shown as well.
    """
    shared = take_shared(context)
    from ktconnect.modes.birdseye import BirdseyeSpec, View, look
    from ktconnect.modes.cluster import open_cluster

    spec = BirdseyeSpec(
        shared.cluster,
        sort_by=flags["sortby"],
        show_connector=flags["showconnector"],
        hide_natural=flags["hidenaturalservice"],
        all_namespaces=flags["all_namespaces"],
    )

    async def run() -> None:
        async with open_cluster(shared.cluster) as cluster:

            async def take() -> Listing:
                return listing(await look(spec, cluster))

            if flags["watched"]:
                await watch(take, shared.output, EVERY)
            else:
                show(render(await take(), shared.output))

    def listing(view: View) -> Listing:
        columns = (NAMESPACE, *COLUMNS) if spec.all_namespaces else COLUMNS
        return Listing(
            "services",
            view.services,
            columns,
            "no Service is taken" if spec.hide_natural else "there are no Services",
            after=(*_connectors(view, spec), *(f"note: {note}" for note in view.notes)),
            more=(("connectors", view.connectors), ("notes", list(view.notes))),
        )

    asyncio.run(until_stopped(run()))
    return 0


def _connectors(view: Any, spec: Any) -> list[str]:
    """As KT Connect lists them."""
    if not spec.show_connector:
        return []
    lines = [
        f"{each['user']} ({each['activity']}), {each['mode']} in {each['namespace']}"
        for each in view.connectors
    ]
    return ["", *lines, f"Total connectors: {len(lines)}"]
