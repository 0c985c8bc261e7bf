import os
import subprocess
import sys

import pytest

from ktconnect.modes.local import journals, remains, remember


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))


def test_journals_are_in_the_home_of_the_user():
    assert journals().parts[-2:] == (".kt", "journal")


def test_a_living_session_is_no_remains():
    remember("https://api", "demo", "kt-connect-shadow-abcde")
    assert list(remains()) == []


def test_a_session_whose_process_died_is_found_with_its_cluster():
    code = (
        "from ktconnect.modes.local import remember;"
        "remember('https://api', 'demo', 'kt-connect-shadow-abcde')"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=dict(os.environ))
    [found] = remains()
    assert (found.server, found.namespace) == ("https://api", "demo")
    assert found.lease == "kt-connect-shadow-abcde"
    found.journal.drop()
    assert list(remains()) == []
