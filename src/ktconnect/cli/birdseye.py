"""`ktctl birdseye`."""

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from .listing import Column, Listing, Row, key, render, show, watch
from .options import every_namespace, listing_options, take_shared, watch_option
from .sections import Sectioned
from .session import until_stopped

if TYPE_CHECKING:
    from ktconnect.modes.birdseye import BirdseyeSpec, View

EVERY = 2.0
"""Seconds between two looks at the cluster."""

NAMESPACE = Column("NAMESPACE", key("namespace"))


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
    from ktconnect.modes.birdseye import BirdseyeSpec

    spec = BirdseyeSpec(
        shared.cluster,
        sort_by=flags["sortby"],
        show_connector=flags["showconnector"],
        hide_natural=flags["hidenaturalservice"],
        all_namespaces=flags["all_namespaces"],
    )

    asyncio.run(until_stopped(_run(spec, shared.output, watched=flags["watched"])))
    return 0


async def _run(spec: "BirdseyeSpec", output: str, *, watched: bool) -> None:
    from ktconnect.modes.birdseye import look
    from ktconnect.modes.cluster import open_cluster

    async with open_cluster(spec.cluster) as cluster:

        async def take() -> Listing:
            return listing(await look(spec, cluster), spec)

        if watched:
            await watch(take, output, EVERY)
        else:
            show(render(await take(), output))


def listing(view: "View", spec: "BirdseyeSpec") -> Listing:
    """The list that a look comes to."""
    return Listing(
        "services",
        view.services,
        (*([NAMESPACE] if spec.all_namespaces else []), *columns(view.now)),
        "no Service is taken" if spec.hide_natural else "there are no Services",
        after=(*_connectors(view, spec), *(f"note: {note}" for note in view.notes)),
        more=(("connectors", view.connectors), ("notes", list(view.notes))),
    )


def columns(now: datetime) -> tuple[Column, ...]:
    """What is shown of a Service; whether laptops are alive is told as of ``now``."""
    from ktconnect.modes.birdseye_rows import told_states

    return (
        Column("NAME", key("name")),
        Column("STATUS", key("text")),
        Column("SINCE", key("since")),
        Column("STATE", lambda row: told_states(row, now)),
        Column("MARK", marks),
        Column("DRIVER", lambda row: _each(row, "driver"), wide=True),
        Column(
            "PORTS",
            lambda row: "; ".join(",".join(each["ports"]) for each in row["sessions"]),
            wide=True,
        ),
        Column("SESSION", lambda row: _each(row, "session"), wide=True),
    )


def marks(row: Row) -> str:
    """Of each session, in the order of SINCE and STATE; nothing where nobody has one."""
    found = [each["mark"] for each in row["sessions"]]
    return "; ".join(mark or "-" for mark in found) if any(found) else ""


def _each(row: Row, name: str) -> str:
    return "; ".join(each[name] for each in row["sessions"])


def _connectors(view: "View", spec: "BirdseyeSpec") -> list[str]:
    """As KT Connect lists them."""
    if not spec.show_connector:
        return []
    lines = [
        f"{each['user']} ({each['activity']}), {each['mode']} in {each['namespace']}"
        for each in view.connectors
    ]
    return ["", *lines, f"Total connectors: {len(lines)}"]
