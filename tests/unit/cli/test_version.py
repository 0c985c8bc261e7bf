import json

from ktconnect import __version__
from ktconnect.cli.main import run


def test_the_version_is_shown_by_flag_and_by_command(capsys):
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"ktctl {__version__}\n"
    assert run(["version"]) == 0
    assert capsys.readouterr().out.startswith(f"ktctl {__version__}, Python 3.")


def test_a_program_reads_it_as_json(capsys):
    assert run(["version", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["version"] == __version__
