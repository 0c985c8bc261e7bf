"""What `exchange` and `preview` share: flags of sessions that callers come to."""

from typing import Any

import click

from ktconnect.modes.serving.spec import RESTORE_AFTER, ServingSpec
from ktconnect.modes.spec import ClusterSpec

from .detach import check_not_detached, detach_option
from .options import Command, Shared
from .session import Mode, run_lasting, run_session

TAKEOVER = "End the session of whoever has the target."

OPTIONS = [
    click.option(
        "--skipPortChecking",
        is_flag=True,
        help="Go on when nothing listens on the local port yet.",
    ),
    click.option("--log", is_flag=True, help="Show every call: who, where to, bytes, duration."),
    click.option(
        "--proxyProtocol",
        is_flag=True,
        help="Tell the local process the caller's address (PROXY protocol v2, TCP).",
    ),
    click.option(
        "--restoreAfter",
        type=click.IntRange(10),
        default=int(RESTORE_AFTER),
        show_default=True,
        metavar="SECONDS",
        help="How long this machine may be silent until all is undone without it.",
    ),
    click.option("--dryRun", is_flag=True, help="Say what would be done, and do nothing."),
    detach_option,
]


def run_serving(context: click.Context, shared: Shared, target: str, mode: Mode) -> int:
    """Run it until it is told to end; a dry run ends by itself, and nobody needs to find it.

    Raises: UsageError for flags that exclude each other; KtError if the mode fails.
    """
    if context.params["dryrun"]:
        check_not_detached(context)
        return run_session(shared, mode)
    return run_lasting(context, shared, target, mode)


def serving_options(command: Command, takeover: str = TAKEOVER) -> Command:
    """Give ``command`` the flags of a session that callers come to. ``takeover``: whom that flag
    ends, for its help."""
    for option in reversed(OPTIONS):
        command = option(command)
    return click.option("--takeover", is_flag=True, help=takeover)(command)


def serving_spec(flags: dict[str, Any], cluster: ClusterSpec) -> ServingSpec:
    """Those flags, parsed."""
    return ServingSpec(
        cluster=cluster,
        log=flags["log"],
        proxy_protocol=flags["proxyprotocol"],
        restore_after=float(flags["restoreafter"]),
        takeover=flags["takeover"],
        skip_port_checking=flags["skipportchecking"],
        dry_run=flags["dryrun"],
    )
