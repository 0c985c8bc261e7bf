"""What `exchange`, `mesh`, `mirror` and `preview` share: flags of sessions that callers come to."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import click

from ktconnect.modes.serving.spec import RESTORE_AFTER, ServingSpec
from ktconnect.modes.spec import ClusterSpec

from .detach import check_not_detached, detach_option
from .options import Shared, dry_run
from .sections import SESSION, Command, flag
from .session import Mode, run_lasting, run_session

TAKEOVER = "End the session of whoever has the target."

ALL = "  [default: all of the Service]"
_session = partial(flag, section=SESSION)

targets_argument = click.argument("targets", nargs=-1, required=True, metavar="[KIND/]NAME…")


def expose_option(text: str, *, required: bool = False) -> Callable[[Command], Command]:
    """``--expose``; ``text`` says which ports those are."""
    return flag(
        "--expose",
        required=required,
        default=None,
        metavar="[LOCAL:]PORT,…",
        help=text if required else text + ALL,
    )


def mode_option(modes: Sequence[str], text: str) -> Callable[[Command], Command]:
    """``--mode``; the first of ``modes`` is what holds without it."""
    return flag(
        "--mode",
        type=click.Choice(modes, case_sensitive=False),
        default=modes[0],
        show_default=True,
        help=text,
    )


OPTIONS = [
    _session(
        "--skipPortChecking",
        is_flag=True,
        help="Go on when nothing listens on the local port yet.",
    ),
    _session("--log", is_flag=True, help="Show every call: who, where to, bytes, duration."),
    _session(
        "--proxyProtocol",
        is_flag=True,
        help="Tell the local process the caller's address (PROXY protocol v2, TCP).",
    ),
    _session(
        "--restoreAfter",
        type=click.IntRange(10),
        default=int(RESTORE_AFTER),
        show_default=True,
        metavar="SECONDS",
        help="How long this machine may be silent until all is undone without it.",
    ),
    dry_run,
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
    return _session("--takeover", is_flag=True, help=takeover)(command)


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
