"""`ktctl explain`."""

import asyncio
import contextlib
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import click
from rich.markup import escape

from .agent_flags import Shown
from .options import Shared, shared_options, take_shared
from .output import console_on, reporter_for
from .sections import LIVE, Sectioned
from .session import set_up_logging, until_stopped

if TYPE_CHECKING:
    from rich.console import Console

    from ktconnect.modes.explain.live import Outcome
    from ktconnect.modes.explain.mode import Explained
    from ktconnect.modes.explain.spec import ExplainSpec
    from ktconnect.rules.explain import Explanation
    from ktconnect.rules.explain_facts import Answer

ANSWERED: Final = {"laptop": "green", "origin": "green", "rule": "yellow", "nobody": "red"}


@click.command(cls=Sectioned, short_help="Say who answers a request of a Service, and why.")
@click.argument("service", metavar="SERVICE[:PORT]")
@click.option(
    "-H", "--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="A header it has."
)
@click.option("-X", "--method", default="", help="Its method.  [default: GET]")
@click.option("--path", default="/", show_default=True, help="Its path; a query may follow.")
@click.option("--query", "queries", multiple=True, metavar="NAME=VALUE", help="Of its query.")
@click.option("--cookie", "cookies", multiple=True, metavar="NAME=VALUE", help="A cookie it has.")
@click.option("--grpc", default="", metavar="PKG.SERVICE/METHOD", help="It is a call of gRPC.")
@click.option("--host", default="", help="What it says in Host, or by SNI.")
@click.option("--tls", is_flag=True, help="The caller encrypts it: nothing but its SNI is seen.")
@click.option(
    "--from",
    "caller",
    default="",
    metavar="POD|namespace/NAME",
    help="Who sends it.  [default: any Pod of the Service's namespace]",
)
@click.option("--live", is_flag=True, help="Send it from inside the cluster, and compare.")
@click.option(
    "--timeout",
    type=click.FloatRange(0.1),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="With --live: how long its answer may take.",
)
@partial(shared_options, shown=Shown(section=LIVE))
@click.pass_context
def explain(context: click.Context, /, **flags: Any) -> int:
    """Say what becomes of a request of a Service, hop by hop, and why.

    \b
    ktctl explain web                              who answers callers without a mark
    ktctl explain web --header 'VERSION: ci'       which rule matches, which do not and why
    ktctl explain web:8080 --path /api --cookie user=ann
    ktctl explain cart --grpc shop.Cart/Add --from front
    ktctl explain web -H 'VERSION: ci' --live      sends it, and shows what did happen

    Reads what is in the cluster: everybody's sessions, and rules of Istio and the Gateway API,
    whoever wrote them. Changes nothing; --live starts an agent for a moment.
    """
    shared = take_shared(context)
    spec = spec_of(flags, shared)
    set_up_logging(debug=shared.debug)
    asyncio.run(until_stopped(_run(spec, shared)))
    return 0


def spec_of(flags: dict[str, Any], shared: Shared) -> "ExplainSpec":
    """The flags as click read them, parsed. Raises: UsageError."""
    from ktconnect.modes.explain.spec import Asked, ExplainSpec, parse_service, request_of

    wanted, port = parse_service(flags["service"])
    words = ("method", "path", "headers", "queries", "cookies", "grpc", "host", "tls")
    asked = Asked(**{word: flags[word] for word in words})
    return ExplainSpec(
        wanted,
        request_of(asked),
        shared.cluster,
        port,
        flags["caller"],
        flags["live"],
        flags["timeout"],
    )


async def _run(spec: "ExplainSpec", shared: Shared) -> None:
    from ktconnect.modes.cluster import open_cluster
    from ktconnect.modes.explain.mode import run

    with contextlib.closing(reporter_for(shared.output)) as reporter:
        async with open_cluster(spec.cluster) as cluster:
            explained = await run(spec, cluster, reporter)
        reporter.check()
    if shared.output == "json":
        click.echo(as_json(explained))
    else:
        show(explained, console_on(sys.stdout))


def as_json(explained: "Explained") -> str:
    """One line, for programs."""
    outcome = explained.outcome
    return json.dumps(
        {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "event": "explained",
            "namespace": explained.namespace,
            "service": explained.service,
            "port": explained.port,
            **explained.explanation.document(),
            "live": outcome.document() if outcome else None,
        }
    )


def show(explained: "Explained", console: "Console") -> None:
    """For a person."""
    said = explained.explanation
    where = f"{explained.namespace}/{explained.service}:{explained.port}"
    lines = [f"[bold]{escape(str(said.request))}[/] to {where}", *_tree(said), *_result(said)]
    if explained.outcome is not None:
        lines += _sent(explained.outcome)
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)


def _tree(said: "Explanation") -> Iterator[str]:
    """The hops, and below each the reasons."""
    *_, last = said.hops
    for hop in said.hops:
        branch, trunk = ("└─", "  ") if hop is last else ("├─", "│ ")
        mark = "" if hop.fine else "[yellow]![/] "
        yield f"[dim]{branch}[/] [cyan]{escape(hop.at)}[/]: {mark}{escape(hop.says)}"
        for line in hop.why:
            yield f"[dim]{trunk}    {escape(line)}[/]"


def _result(said: "Explanation") -> list[str]:
    answer = said.answer
    colour = ANSWERED.get(answer.by, "yellow")
    verb = "Answered by" if answer.by != "nobody" else "Answered by nobody:"
    session = f" (session {answer.session})" if answer.session else ""
    lines = [f"[bold {colour}]{verb}[/] {escape(answer.who + session + _heard(answer))}"]
    for copy in said.copies:
        dead = "" if copy.alive else ", which nobody takes: that laptop is silent"
        share = f"{copy.percent:g} % of such requests"
        lines.append(f"Copied: {share} to {escape(copy.user or copy.to)}{dead}")
    return [*lines, *(f"[dim]note: {escape(each)}[/]" for each in said.notes)]


def _heard(answer: "Answer") -> str:
    """When a laptop was heard last: one that died a moment ago counts as alive."""
    if not answer.heard:
        return ""
    if not answer.late:
        return f", last heard {answer.heard} ago"
    other = f"{answer.otherwise} answer" if answer.otherwise else "nobody answers"
    return f", last heard {answer.heard} ago, which is long: if it is away, {other}"


def _sent(outcome: "Outcome") -> list[str]:
    came = f"status {outcome.status}" if outcome.status else outcome.failure
    served = f", led to {outcome.served_by}" if outcome.served_by else ""
    lines = [f"[bold]Sent:[/] {escape(came + served)}, after {1000 * outcome.seconds:.1f} ms"]
    lines += [f"  [dim]{escape(name)}: {escape(value)}[/]" for name, value in outcome.headers]
    colour = {True: "green", False: "red", None: "yellow"}[outcome.as_explained]
    return [*lines, f"[{colour}]{escape(outcome.says)}[/]"]
