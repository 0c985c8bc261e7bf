"""`ktctl`: parse, run, and turn every expected failure into one message and an exit code."""

import errno
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress

import click

from ktconnect import __version__
from ktconnect.errors import Forbidden, KtError

from .birdseye import birdseye
from .clean import clean
from .completion import completion
from .connect import connect
from .exchange import exchange
from .explain import explain
from .failing import as_ours, name_role
from .forward import forward
from .logs import logs
from .mesh import mesh
from .mirror import mirror
from .options import group_options
from .output import report_error
from .preview import preview
from .ps import ps
from .rbac import rbac
from .recover import recover
from .replay import replay
from .sections import write_sections
from .setup import setup
from .spelling import COMMANDS, modernise, normalise
from .status import status
from .stop import stop
from .version import version

SETTINGS = {
    "help_option_names": ["-h", "--help"],
    "token_normalize_func": lambda token: normalise(token),
    "max_content_width": 100,
}
ORDER = (
    *("connect", "exchange", "mesh", "mirror", "preview", "forward"),
    *("status", "birdseye", "explain", "ps", "logs", "stop"),
    "replay",
    *("recover", "clean", "setup", "rbac", "completion", "version"),
)
"""How the help lists the commands: what to begin with first."""


class Commands(click.Group):
    """The commands, in an order that a newcomer can read."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """See click. A command that had another name once is known by that, too."""
        name, *rest = args
        if name in COMMANDS:
            click.echo(f"note: `{name}` is called `{COMMANDS[name]}` today", err=True)
        return super().resolve_command(ctx, [COMMANDS.get(name, name), *rest])

    def invoke(self, ctx: click.Context) -> object:
        """See click. Raises: KtError; of a missing right how to get all that it takes, too."""
        try:
            return super().invoke(ctx)
        except Forbidden as error:
            name_role(error, str(ctx.invoked_subcommand))
            raise

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """See click. What can be done comes before how it can be varied."""
        self.format_commands(ctx, formatter)
        write_sections(self, ctx, formatter)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """See click."""
        known = [name for name in ORDER if name in self.commands]
        return known + sorted(set(self.commands) - set(known))


@click.group(cls=Commands, context_settings=SETTINGS)
@click.version_option(__version__, "-v", "--version", message="ktctl %(version)s")
@group_options
def ktctl(**_shared: object) -> None:
    """Join this machine and a Kubernetes cluster, both ways.

    Shared flags may stand before or after the command. Flag names are the same in any case and
    with or without dashes: --dnsMode, --dns-mode, --dnsmode.
    """


ktctl.add_command(connect)
ktctl.add_command(exchange)
ktctl.add_command(mesh)
ktctl.add_command(mirror)
ktctl.add_command(preview)
ktctl.add_command(clean)
ktctl.add_command(forward)
ktctl.add_command(status)
ktctl.add_command(birdseye)
ktctl.add_command(explain)
ktctl.add_command(ps)
ktctl.add_command(logs)
ktctl.add_command(stop)
ktctl.add_command(completion)
ktctl.add_command(setup)
ktctl.add_command(rbac)
ktctl.add_command(recover)
ktctl.add_command(replay)
ktctl.add_command(version)


def main(argv: Sequence[str] | None = None) -> None:
    """The console script. Exits 0 on success, 2 on a wrong call, else with the error's own code."""
    code = run(sys.argv[1:] if argv is None else argv)
    try:
        sys.stdout.flush()
    except OSError as error:
        code = code or output_failed(error)
    sys.exit(code)


def run(argv: Sequence[str]) -> int:
    """Run one command; returns the exit code."""
    try:
        return _run(argv)
    except BrokenPipeError:
        _silence()
        return 141  # whoever read our output has gone: like SIGPIPE
    except OSError as error:
        return output_failed(error)


def _run(argv: Sequence[str]) -> int:
    modern = modernise(argv, frozenset(switches(ktctl)))
    for note in modern.notes:
        click.echo(f"note: {note}", err=True)
    try:
        result = ktctl.main(list(modern.args), prog_name="ktctl", standalone_mode=False)
    except click.Abort:
        return 130
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        report_error(as_ours(error), asked_output(modern.args))
        return error.exit_code
    except KtError as error:
        report_error(error, asked_output(modern.args))
        return error.exit_code
    return result if isinstance(result, int) else 0


def output_failed(error: OSError) -> int:
    """Say that our own words could not be written, or a file not be read; returns the exit code."""
    if error.errno in (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EBADF, errno.EFBIG):
        _silence()
        message = f"standard output can't be written: {error.strerror}"
    else:
        message = f"{error.filename or 'the system'}: {error.strerror or error}"
    with suppress(OSError):  # standard error may be as full
        report_error(KtError(message), "text")
    return KtError.exit_code


def _silence() -> None:
    """Else the interpreter's own last flush fails once more, with words of its own."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    with suppress(OSError, ValueError):
        os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def switches(group: click.Group) -> Iterator[str]:
    """The flags without a value, of ``group`` and its commands, normalised."""
    for command in (group, *group.commands.values()):
        for parameter in command.params:
            if isinstance(parameter, click.Option) and parameter.is_flag:
                yield from map(normalise, parameter.opts)


def asked_output(args: Sequence[str]) -> str:
    """Which ``-o`` was asked for, also when parsing never got that far."""
    for before, arg in zip(("", *args), args, strict=False):
        if arg in ("-ojson", "-o=json", "--output=json") or (
            before in ("-o", "--output") and arg == "json"
        ):
            return "json"
    return "text"
