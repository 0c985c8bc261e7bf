import os

import pytest

from ktconnect.cli import mirror as command
from ktconnect.cli.main import run
from ktconnect.modes.mirror import mode


@pytest.fixture
def asked(monkeypatch):
    """What the mode would be run with, and what it is called."""
    found = []

    def serving(_context, _shared, target, begin):
        found.append((target, begin(None)))
        return 0

    monkeypatch.setattr(command, "run_serving", serving)
    monkeypatch.setattr(mode, "run", lambda spec, _: spec)
    return found


def test_the_flags_reach_the_mode(asked):
    code = run(
        [
            *("mirror", "web", "--expose", "8080:80", "--percent", "2.5", "--diff", "--log"),
            *("--match", "path:/api", "--match", "method=GET", "--ignoreHeader", "X-A"),
            *("--record", "a.har", "--recordSecrets", "--mode", "Router"),
        ]
    )
    assert code == 0
    [(target, spec)] = asked
    assert target == spec.target == "web"
    assert (spec.percent, spec.mode, len(spec.matches)) == (2.5, "router", 2)
    keeping = spec.keeping
    assert (keeping.diff, keeping.record, keeping.secrets) == (True, os.path.abspath("a.har"), True)
    assert keeping.everything
    assert keeping.ignored == frozenset({"x-a"})


@pytest.mark.parametrize("percent", ["0", "-1", "100.5", "nan"])
def test_a_part_is_more_than_none_and_at_most_all(asked, percent, capsys):
    assert run(["mirror", "web", "--percent", percent]) == 2
    assert "--percent" in capsys.readouterr().err
    assert asked == []


@pytest.mark.parametrize("name", ["mesh", "mirror"])
def test_whom_a_takeover_ends_is_said_of_each_command(name, capsys):
    assert run([name, "-h"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "mirror --mode tcp)" in told
    assert "of whoever has the target" not in told
    assert "[repeatable: any of them is enough]" in told


def test_what_excludes_each_other_is_a_wrong_call(asked, capsys):
    assert run(["mirror", "web", "--diff", "--mode", "istio"]) == 2
    assert "--mode router" in capsys.readouterr().err
    assert asked == []
