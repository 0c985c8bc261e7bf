import json

from ktconnect.cli.main import run


def test_it_wants_a_name(capsys):
    assert run(["recover"]) == 2
    assert "NAME" in capsys.readouterr().err


def test_its_help_shows_what_has_a_meaning_for_it(capsys):
    assert run(["recover", "-h"]) == 0
    shown = capsys.readouterr().out
    assert "--takeover" in shown
    assert "--image" not in shown


def test_a_cluster_that_is_not_there_is_told_to_programs_too(tmp_path, capsys):
    config = str(tmp_path / "missing")
    assert run(["recover", "web", "--kubeconfig", config, "--dryRun", "-o", "json"]) == 2
    assert json.loads(capsys.readouterr().out)["event"] == "error"
