import os
import subprocess
import sys

import pytest

from ktconnect.modes.local import bind, gone, journals, remains, remember


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))


def test_journals_are_in_the_home_of_the_user():
    assert journals().parts[-2:] == (".kt", "journal")


def test_an_empty_home_does_not_mean_the_working_directory(monkeypatch):
    monkeypatch.setenv("HOME", "")
    assert str(journals()) == "/.kt/journal"


def test_a_living_session_is_no_remains():
    remember("https://api", "demo", "kt-connect-shadow-abcde")
    assert list(remains()) == []


def test_a_session_whose_process_died_is_found_with_its_cluster():
    die("remember('https://api', 'demo', 'kt-connect-shadow-abcde')")
    [found] = remains()
    assert (found.server, found.namespace) == ("https://api", "demo")
    assert found.lease == "kt-connect-shadow-abcde"
    found.journal.drop()
    assert list(remains()) == []
    assert found.uid == ""


def die(code):
    """In a process of its own, which then is no more."""
    code = f"from ktconnect.modes.local import bind, remember; {code}"
    subprocess.run([sys.executable, "-c", code], check=True, env=dict(os.environ))


def test_the_lease_it_became_is_told_from_a_later_one_of_the_same_name():
    die("bind(remember('https://api', 'demo', 'kt-exchange-web'), 'u-1')")
    die("bind(remember('https://api', 'other', 'kt-exchange-web'), 'u-2')")
    die("bind(remember('https://else', 'demo', 'kt-exchange-web'), 'u-3')")
    assert gone("https://api") == {"u-1", "u-2"}
    assert {(each.namespace, each.uid) for each in remains()} == {
        ("demo", "u-1"),
        ("other", "u-2"),
        ("demo", "u-3"),
    }


def test_what_died_before_it_wrote_anything_is_forgotten():
    die(
        "from ktconnect.modes.local import journals; "
        "from ktconnect.apply.journal import Journal; Journal.open(journals(), 's1')"
    )
    assert list(remains()) == []
    assert list(journals().iterdir()) == []


def test_a_journal_that_was_dropped_is_not_bound():
    journal = remember("https://api", "demo", "kt-exchange-web")
    journal.drop()
    bind(journal, "u-1")
    assert not journal.path.exists()
