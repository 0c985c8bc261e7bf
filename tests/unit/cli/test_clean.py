import json

import pytest
from click.testing import CliRunner

from ktconnect.cli.main import ktctl, run


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))


def test_the_help_says_what_is_never_touched():
    out = CliRunner().invoke(ktctl, ["clean", "-h"]).output
    assert "alive is never touched" in out
    assert "--thresholdInMinus" in out


def test_this_machine_alone_can_be_looked_at_without_any_cluster(capsys):
    assert run(["clean", "--localOnly", "--dryRun", "-o", "json"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["event"] for event in events] == ["note"]


def test_a_cluster_that_does_not_answer_is_told(tmp_path, capsys):
    path = tmp_path / "config"
    path.write_text(
        "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\n"
        "contexts: [{name: x, context: {cluster: c}}]\ncurrent-context: x\n"
    )
    assert run(["clean", "--dryRun", "-c", str(path)]) == 3
    assert "127.0.0.1:1" in capsys.readouterr().err


def test_its_help_shows_what_has_a_meaning_for_it(capsys):
    assert run(["clean", "-h"]) == 0
    shown = capsys.readouterr().out
    assert "--all-namespaces" in shown
    assert "--podQuota" not in shown


def test_one_machine_and_every_namespace_exclude_each_other(capsys):
    assert run(["clean", "--localOnly", "-A"]) == 2
    assert "exclude each other" in capsys.readouterr().err
