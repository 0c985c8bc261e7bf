"""``playground laptop``, ``kubectl`` and ``kubeconfig``."""

import os
from pathlib import Path

import click

from playground import users
from playground.cli.say import pass_playground
from playground.cluster import Playground
from playground.errors import PlaygroundError

_PASSED_ON = {"ignore_unknown_options": True, "allow_interspersed_args": False}


@click.command(context_settings=_PASSED_ON)
@click.option("--user", type=int, help="Run as this user number; 1000 is an ordinary user.")
@click.argument("argv", nargs=-1, type=click.UNPROCESSED)
@pass_playground
def laptop(playground: Playground, user: int | None, argv: tuple[str, ...]) -> None:
    """Run a command on the laptop; a shell if none is given."""
    entrance = playground.entrance
    command = entrance.command(list(argv) or ["bash"], user=user)
    os.execvpe(command[0], command, entrance.environment(dict(os.environ), user=user))


@click.command(context_settings={**_PASSED_ON, "help_option_names": []}, add_help_option=False)
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
@pass_playground
def kubectl(playground: Playground, args: tuple[str, ...]) -> None:
    """Run kubectl as the cluster's admin, from the laptop."""
    command = playground.kubectl_command(*args)
    os.execvp(command[0], command)


@click.command()
@click.option("--user", help="A user of this name, with a certificate of its own.")
@click.option("--namespace", default="default", show_default=True, help="Of the user's rights.")
@click.option("--role", type=click.Path(path_type=Path), help="YAML with the user's rules.")
@click.option("--verb", "verbs", multiple=True, help="Allow this verb …")
@click.option("--resource", "resources", multiple=True, help="… on this, as deployments.apps.")
@click.option("--print", "contents", is_flag=True, help="Print the file instead of its path.")
@pass_playground
def kubeconfig(playground: Playground, /, contents: bool, **wanted: object) -> None:
    """Print the path of a kubeconfig: the admin's, or that of a user with only some rights.

    It is to be used on the laptop, from where alone the API server is reached. A user has the
    rules of --role, and --verb on --resource, in the namespace; the next call replaces them.
    """
    path = _user_file(playground, wanted) if wanted["user"] else _admin_file(playground)
    click.echo(path.read_text() if contents else path)


def _admin_file(playground: Playground) -> Path:
    playground.state  # noqa: B018 — raises if there is no such playground
    return playground.kubeconfig


def _user_file(playground: Playground, wanted: dict[str, object]) -> Path:
    verbs, resources = _words(wanted["verbs"]), _words(wanted["resources"])
    if bool(verbs) != bool(resources):
        raise PlaygroundError("a verb needs a resource", hint="--verb get --resource pods")
    rules = users.simple_rule(verbs, resources)
    if isinstance(wanted["role"], Path):
        rules += users.rules_in(wanted["role"])
    return users.make(playground, str(wanted["user"]), str(wanted["namespace"]), rules)


def _words(given: object) -> list[str]:
    """Options that may be repeated or hold several words by comma."""
    assert isinstance(given, tuple)
    return [word for each in given for word in str(each).split(",") if word]
