import json

from tests.unit.background.processes import process

from ktconnect.background.presence import announced
from ktconnect.cli.main import run
from ktconnect.cli.ps import name_of, state_of


def test_without_sessions_it_says_so(kt_home, capsys):
    assert run(["ps"]) == 0
    assert "no session of yours" in capsys.readouterr().out


def test_every_session_of_this_machine_is_listed(kt_home, capsys):
    with announced(process()) as ours:
        assert run(["ps", "-o", "wide"]) == 0
        out = capsys.readouterr().out
        assert ours.process.key in out
        assert "starting: it doesn't listen yet" in out
        assert run(["-o", "json", "ps"]) == 0
        [row] = json.loads(capsys.readouterr().out)["sessions"]
        assert (row["mode"], row["pid"]) == ("exchange", ours.process.owner.pid)


def test_a_session_has_its_processs_name_until_it_has_its_own():
    row = {"session": "", "mode": "exchange", "pid": 7, "state": "up", "reason": ""}
    assert name_of(row) == "exchange-7"
    assert name_of({**row, "session": "kt-x"}) == "kt-x"
    assert state_of(row) == "up"
    assert state_of({**row, "reason": "lost"}) == "up: lost"
