import pytest

from ktconnect.cli import forward as command
from ktconnect.cli.main import run
from ktconnect.modes.forward import mode


@pytest.fixture
def asked(monkeypatch):
    """What the mode would be run with, and what it is called."""
    found = []

    def lasting(_context, _shared, target, begin):
        found.append((target, begin(None)))
        return 0

    monkeypatch.setattr(command, "run_lasting", lasting)
    monkeypatch.setattr(mode, "run", lambda spec, _: spec)
    return found


def test_targets_and_addresses_reach_the_mode(asked):
    assert run(["forward", "web", "8080:80", "pod/a", ":1", "--address", "127.0.0.1, ::1"]) == 0
    [(target, spec)] = asked
    assert target == "service/web, pod/a"
    assert [str(goal) for goal in spec.goals] == ["service/web", "pod/a"]
    assert spec.addresses == ("127.0.0.1", "::1")


@pytest.mark.parametrize(
    "argv", [[], ["web", "x:y:z"], ["web", "--address", ","], ["web", "--address", "home"]]
)
def test_what_cannot_be_meant_is_refused(asked, argv, capsys):
    assert run(["forward", *argv]) == 2
    assert asked == []
    assert "Error" in capsys.readouterr().err
