"""`ktctl`: parse, run, and turn every expected failure into one message and an exit code."""

import sys
from collections.abc import Iterator, Sequence

import click

from ktconnect import __version__
from ktconnect.errors import KtError, UsageError

from .clean import clean
from .connect import connect
from .options import shared_options
from .output import report_error
from .spelling import modernise, normalise

SETTINGS = {
    "help_option_names": ["-h", "--help"],
    "token_normalize_func": lambda token: normalise(token),
    "max_content_width": 100,
}


@click.group(context_settings=SETTINGS)
@click.version_option(__version__, "-v", "--version", message="ktctl %(version)s")
@shared_options
def ktctl(**_shared: object) -> None:
    """Join this machine and a Kubernetes cluster, both ways.

    Shared flags may stand before or after the command. Flag names are the same in any case and
    with or without dashes: --dnsMode, --dns-mode, --dnsmode.
    """


ktctl.add_command(connect)
ktctl.add_command(clean)


def main(argv: Sequence[str] | None = None) -> None:
    """The console script. Exits 0 on success, 2 on a wrong call, else with the error's own code."""
    sys.exit(run(sys.argv[1:] if argv is None else argv))


def run(argv: Sequence[str]) -> int:
    """Run one command; returns the exit code."""
    modern = modernise(argv, frozenset(switches(ktctl)))
    for note in modern.notes:
        click.echo(f"note: {note}", err=True)
    try:
        result = ktctl.main(list(modern.args), prog_name="ktctl", standalone_mode=False)
    except click.Abort:
        return 130
    except click.ClickException as error:
        if (output := asked_output(modern.args)) == "json":
            report_error(UsageError(error.format_message()), output)
        else:
            error.show()
        return error.exit_code
    except KtError as error:
        report_error(error, asked_output(modern.args))
        return error.exit_code
    except BrokenPipeError:
        return 141  # whoever read our output has gone: like SIGPIPE
    return result if isinstance(result, int) else 0


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
