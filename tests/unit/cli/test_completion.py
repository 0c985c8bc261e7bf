import pytest

from ktconnect.cli.completion import SHELLS, VARIABLE
from ktconnect.cli.main import run


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_gets_its_script(shell, capsys):
    assert run(["completion", shell]) == 0
    assert VARIABLE in capsys.readouterr().out


def test_commands_are_completed(monkeypatch, capsys):
    monkeypatch.setenv(VARIABLE, "zsh_complete")
    monkeypatch.setenv("COMP_WORDS", "ktctl stat")
    monkeypatch.setenv("COMP_CWORD", "1")
    with pytest.raises(SystemExit):
        run([])
    assert "status" in capsys.readouterr().out


def test_an_unknown_shell_is_refused(capsys):
    assert run(["completion", "tcsh"]) == 2
    assert "bash" in capsys.readouterr().err
