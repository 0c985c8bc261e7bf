"""Errors of a call, said with what to type instead."""

import re

import click

from ktconnect.errors import Forbidden, UsageError
from ktconnect.kube.failures import Unauthorized
from ktconnect.objects.rights import COMMANDS


def as_ours(error: click.ClickException) -> UsageError:
    """What click has to say of a call, with a hint."""
    context = getattr(error, "ctx", None)
    if context is None:
        return UsageError(error.format_message(), hint="`ktctl -h` shows what can be said")
    shown = f"`{context.command_path} -h` shows what can be said"
    if isinstance(error, click.MissingParameter) and (said := example(context.command)):
        shown = f"for example `{said}`; {shown}"
    return UsageError(error.format_message(), hint=shown)


def example(command: click.Command) -> str:
    """The first example of a command's help, "" if it has none."""
    found = re.search(r"^\s*((?:sudo )?ktctl \S.*?)(?:  .*)?$", command.help or "", re.MULTILINE)
    return found[1] if found else ""


def name_role(error: Forbidden, command: str) -> None:
    """Say how to get all the rights that ``command`` needs, where the error names one alone."""
    named = "rbac print" in error.hint or isinstance(error, Unauthorized)
    if command in COMMANDS and not named:
        namespace = re.search(r" in namespace ([a-z0-9-]+)", str(error))
        where = f" -n {namespace[1]}" if namespace else ""
        error.hint = f"`ktctl rbac print {command}{where}` prints the Role to ask for"
