from ktconnect.cli.main import run


def test_its_help_shows_what_has_a_meaning_for_it(capsys):
    assert run(["setup", "-h"]) == 0
    shown = capsys.readouterr().out
    assert "--remove" in shown
    assert "--namespace" in shown
    assert "--image" not in shown


def test_flags_of_an_agent_are_taken_all_the_same(capsys):
    assert run(["setup", "--image", "python", "--kubeconfig", "/nowhere", "--dryRun"]) == 2
    assert "/nowhere" in capsys.readouterr().err


def test_what_is_taken_away_is_not_given_more(capsys):
    assert run(["setup", "--remove", "--scalable", "rollouts"]) == 2
    assert "exclude each other" in capsys.readouterr().err
