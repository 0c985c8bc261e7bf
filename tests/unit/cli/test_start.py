import os
import signal
import subprocess
import sys

import pytest

from ktconnect.cli.start import main


def test_it_runs_the_command_that_was_called(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["ktctl", "-v"])
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith("ktctl ")
    assert signal.getsignal(signal.SIGINT) is before


SLOW = """
import importlib.abc, os, signal, sys

class Slow(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "ktconnect.cli.main":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Slow())
from ktconnect.cli.start import main
main()
"""


def test_ctrl_c_while_commands_are_loaded_ends_it_without_a_word():
    done = subprocess.run([sys.executable, "-c", SLOW], capture_output=True, check=False)
    assert done.returncode == -signal.SIGINT
    assert done.stderr == b""


@pytest.mark.parametrize("argv", [["-h"], ["ps"], ["completion", "bash"]])
def test_a_full_disk_is_one_message_and_a_failure(argv, tmp_path):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "ktconnect.cli.start", *argv],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env={**os.environ, "HOME": str(tmp_path)},
        )
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "Error: standard output can't be written: No space left on device"
    ]


def test_a_full_disk_for_errors_too_is_a_failure_still(tmp_path):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "ktconnect.cli.start", "ps"],
            stdout=full,
            stderr=full,
            check=False,
            env={**os.environ, "HOME": str(tmp_path)},
        )
    assert done.returncode == 1


def test_a_reader_who_has_gone_is_no_error(tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "ktconnect.cli.start", "-h"],
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert done.returncode != 0
    assert done.stderr == b""
