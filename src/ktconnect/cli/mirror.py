"""`ktctl mirror`."""

import os
from functools import partial
from typing import Any

import click

from ktconnect.modes.mirror.spec import Keeping, MirrorSpec
from ktconnect.modes.serving.expose import parse_exposes
from ktconnect.modes.spec import ClusterSpec
from ktconnect.rules.match import parse_match

from .comparing import ignore_header
from .mesh import router_pod, sharing_options
from .options import shared_options, take_shared
from .sections import Sectioned
from .serving import expose_option, mode_option, run_serving, serving_options, serving_spec

TAKEOVER = (
    "End the session of whoever takes all callers (exchange, mirror --mode tcp); with --mode tcp, "
    "of all who exchange, mesh or mirror the Service."
)
MODES = ("auto", "router", "istio", "gateway", "tcp")


@click.command(
    cls=Sectioned, short_help="Get a copy of a Service's requests; the original goes on answering."
)
@click.argument("target", metavar="[KIND/]NAME")
@expose_option("Ports whose requests are copied, by number or name.")
@mode_option(MODES, "What makes the copies.")
@click.option(
    "--percent",
    type=click.FloatRange(0, 100, min_open=True),
    default=100,
    show_default=True,
    metavar="PERCENT",
    help="How many of the requests that match.",
)
@click.option("--diff", is_flag=True, help="Compare each answer with the original's.")
@ignore_header
@click.option("--record", default="", metavar="FILE.har", help="Write requests and answers down.")
@click.option(
    "--recordSecrets", is_flag=True, help="With credentials and cookies, which else are masked."
)
@sharing_options
@partial(serving_options, takeover=TAKEOVER)
@shared_options
@click.pass_context
def mirror(context: click.Context, /, **flags: Any) -> int:
    """Get a copy of a Service's requests, while the original goes on answering.

    \b
    ktctl mirror web --expose 8080                     every request comes here as well
    ktctl mirror web --expose 8080:80 --percent 5      one of twenty
    ktctl mirror web --expose 8080 --match path:/api,method=GET
    ktctl mirror web --expose 8080 --diff              where do my answers differ?
    ktctl mirror web --expose 8080 --record web.har    for `ktctl replay`
    ktctl mirror db --expose 5432 --mode tcp           what clients send, byte for byte

    What the program here answers is dropped. Whether it is slow, dead or wrong, no caller notices.
    Ends with Ctrl-C.
    """
    shared = take_shared(context)
    spec = spec_of(flags, shared.cluster)
    from ktconnect.modes.mirror.mode import run

    return run_serving(context, shared, flags["target"], lambda reporter: run(spec, reporter))


def spec_of(flags: dict[str, Any], cluster: ClusterSpec) -> MirrorSpec:
    """The flags as click read them, parsed. Raises: UsageError."""
    return MirrorSpec(
        target=flags["target"],
        exposes=parse_exposes(flags["expose"]),
        matches=tuple(map(parse_match, flags["matches"])),
        percent=flags["percent"],
        serving=serving_spec(flags, cluster),
        mode=flags["mode"],
        keeping=Keeping(
            diff=flags["diff"],
            everything=flags["log"],
            ignored=frozenset(name.strip().lower() for name in flags["ignored"]),
            record=os.path.abspath(flags["record"]) if flags["record"] else "",  # --detach moves
            secrets=flags["recordsecrets"],
        ),
        router=router_pod(flags, cluster),
    )
