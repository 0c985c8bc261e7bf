import click
import pytest

from ktconnect.cli.failing import as_ours, example, name_role
from ktconnect.cli.main import ktctl, run
from ktconnect.errors import Forbidden
from ktconnect.kube.failures import Unauthorized


@pytest.mark.parametrize(
    ("args", "says", "hint"),
    [
        (["mesh"], "Missing argument", "`ktctl mesh web --expose 8080 --versionMark ci`"),
        (["exchange"], "Missing argument", "for example `ktctl exchange web`"),
        (["explain"], "Missing argument", "`ktctl explain -h` shows"),
        (["exchange", "web", "--frob"], "No such option", "`ktctl exchange -h` shows"),
        (["exchnge"], "Did you mean 'exchange'", "`ktctl -h` shows"),
        (["clean", "-o", "yaml"], "is not one of", "`ktctl clean -h` shows"),
    ],
)  # fmt: skip
def test_a_call_that_cannot_be_read_says_what_to_type_instead(args, says, hint, capsys):
    assert run(args) == 2
    said = capsys.readouterr().err
    assert says in said
    assert hint in said
    assert "Usage:" not in said


def test_without_a_word_the_help_is_shown(capsys):
    assert run([]) == 2
    assert "Commands:" in capsys.readouterr().err


def test_what_is_said_of_no_command_points_to_the_help_of_all():
    assert as_ours(click.ClickException("no")).hint == "`ktctl -h` shows what can be said"


def test_the_first_example_is_taken_without_its_comment():
    assert example(ktctl.commands["connect"]) == "sudo ktctl connect"
    assert example(click.Command("x", help="Nothing.")) == ""


def test_a_missing_right_names_the_command_that_prints_all():
    error = Forbidden("no right to list services in namespace ux (user bob)", hint="ask")
    name_role(error, "birdseye")
    assert error.hint == "`ktctl rbac print birdseye -n ux` prints the Role to ask for"
    error = Forbidden("no right to list services in the whole cluster", hint="ask")
    name_role(error, "clean")
    assert error.hint == "`ktctl rbac print clean` prints the Role to ask for"


@pytest.mark.parametrize(
    ("error", "command"),
    [
        (Unauthorized("expired", hint="log in"), "clean"),
        (Forbidden("no", hint="ask"), "ps"),
        (Forbidden("no", hint="`ktctl rbac print mesh-router` prints it"), "mesh"),
    ],
)
def test_what_is_said_already_stays(error, command):
    before = error.hint
    name_role(error, command)
    assert error.hint == before
