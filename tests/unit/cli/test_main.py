import json

import click
import pytest

from ktconnect.cli.main import asked_output, ktctl, main, run, switches


def test_help_names_the_commands(capsys):
    assert run(["-h"]) == 0
    out = capsys.readouterr().out
    assert "connect" in out
    assert "clean" in out


def test_the_version_is_told(capsys):
    assert run(["-v"]) == 0
    assert capsys.readouterr().out.startswith("ktctl 0.")


@pytest.mark.parametrize(
    "args",
    [
        ["connect", "--no-such-flag"],
        ["nonsense"],
        ["connect", "--proxyPort", "70000"],
        ["connect", "-n", "Not_A_Name"],
        ["connect", "--excludeIps", "10.0.0.0/99"],
        ["connect", "--dnsMode", "magic"],
        ["connect", "--disableTunDevice", "--forwarded"],
        ["--kubeconfig", "/no/such/file", "connect", "--disableTunDevice"],
    ],
)
def test_a_wrong_call_ends_with_two_and_one_message(args, capsys):
    assert run(args) == 2
    err = capsys.readouterr().err
    assert "Error" in err
    assert "Traceback" not in err


def test_an_error_is_an_object_for_programs(capsys):
    assert run(["connect", "-n", "Not_A_Name", "-o", "json"]) == 2
    error = json.loads(capsys.readouterr().out)
    assert error["event"] == "error"
    assert error["exitCode"] == 2
    assert error["hint"]


def test_a_flag_that_cannot_be_parsed_is_an_object_for_programs_too(capsys):
    assert run(["connect", "-o", "json", "--proxyPort", "abc"]) == 2
    assert json.loads(capsys.readouterr().out)["exitCode"] == 2


@pytest.mark.parametrize(
    ("args", "output"),
    [
        (["-o", "json"], "json"),
        (["connect", "--output=json"], "json"),
        (["-ojson"], "json"),
        (["-o", "text"], "text"),
        ([], "text"),
    ],
)
def test_the_output_asked_for_is_known_before_parsing(args, output):
    assert asked_output(args) == output


def test_old_spellings_are_explained_on_standard_error(capsys):
    run(["--sshPort", "22", "-v"])
    assert "no SSH" in capsys.readouterr().err


def test_flags_without_a_value_are_known_in_every_spelling():
    assert {"--shareshadow", "--debug", "--dryrun"} <= set(switches(ktctl))


def test_the_console_script_exits_with_the_code(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["nonsense"])
    assert caught.value.code == 2
    assert "No such command" in capsys.readouterr().err


def test_commands_are_listed_in_an_order_that_a_newcomer_can_read(capsys):
    run(["-h"])
    out = capsys.readouterr().out
    places = [out.index(f"\n  {name} ") for name in ("connect", "forward", "status", "clean")]
    assert places == sorted(places)
    assert set(ktctl.list_commands(click.Context(ktctl))) == set(ktctl.commands)


def test_a_list_can_be_had_in_forms_that_other_commands_do_not_know(capsys):
    assert run(["-o", "yaml", "connect", "--disableTunDevice"]) == 2
    assert "prints no yaml" in capsys.readouterr().err
