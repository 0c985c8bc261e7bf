import dataclasses
import json
import os
import stat
import subprocess

import pytest

from ktconnect.apply.change import Change, Entry
from ktconnect.apply.journal import Journal, stale
from ktconnect.apply.owner import Owner
from ktconnect.errors import Conflict, KtError

CHANGE = Change("host", "file/etc/hosts#block", ["10.96.0.7 web"])
ENTRY = Entry("host", "file/etc/hosts#block", None, ["10.96.0.7 web"])


def left_behind(directory, session, **owner):
    """A journal as a process that is gone left it."""
    journal = Journal.open(directory, session)
    journal.record(CHANGE, None)
    gone = dataclasses.replace(Owner.current(), **{"start": "1", **owner})
    lines = journal.path.read_bytes().split(b"\n", 1)
    journal.path.write_bytes(json.dumps(dataclasses.asdict(gone)).encode() + b"\n" + lines[1])
    return journal


def test_what_is_recorded_is_read_back_in_order(tmp_path):
    journal = Journal.open(tmp_path / "new", "s1")
    journal.record(CHANGE, None)
    journal.record(CHANGE, ["before"])
    assert journal.entries() == [ENTRY, dataclasses.replace(ENTRY, before=["before"])]


def test_only_its_owner_may_read_a_journal(tmp_path):
    path = Journal.open(tmp_path, "s1").path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_session_has_one_journal(tmp_path):
    Journal.open(tmp_path, "s1")
    with pytest.raises(Conflict, match="s1"):
        Journal.open(tmp_path, "s1")
    assert [path.name for path in tmp_path.iterdir()] == ["s1.jsonl"]


def test_a_dropped_journal_is_empty_and_its_name_is_free(tmp_path):
    journal = Journal.open(tmp_path, "s1")
    journal.drop()
    journal.drop()
    assert journal.entries() == []
    assert Journal.open(tmp_path, "s1").session == "s1"


def test_a_torn_last_line_is_a_step_that_was_never_taken(tmp_path):
    journal = left_behind(tmp_path, "s1")
    whole = journal.path.read_bytes()
    journal.record(CHANGE, None)
    longer = journal.path.read_bytes()
    for length in range(len(whole), len(longer)):
        journal.path.write_bytes(longer[:length])
        assert journal.entries() == [ENTRY]


def test_a_link_in_the_place_of_a_journal_is_not_followed(tmp_path):
    (tmp_path / "target").write_text("precious")
    (tmp_path / "s1.jsonl").symlink_to(tmp_path / "target")
    with pytest.raises(Conflict):
        Journal.open(tmp_path, "s1")
    assert (tmp_path / "target").read_text() == "precious"


def test_where_no_journal_can_be_written_it_is_said_why(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(KtError, match=r"can be written in .*/journal: Not a directory"):
        Journal.open(tmp_path / "file" / "journal", "s1")


def test_a_journal_that_can_not_be_read_is_reported(tmp_path):
    (tmp_path / "s1.jsonl").mkdir()
    with pytest.raises(KtError, match=r"s1\.jsonl can't be read"):
        list(stale(tmp_path))


def test_damage_before_the_end_is_reported(tmp_path):
    journal = left_behind(tmp_path, "s1")
    journal.path.write_bytes(b"\0\0\n" + journal.path.read_bytes())
    with pytest.raises(KtError, match="damaged"):
        journal.entries()


def test_stale_journals_are_those_of_dead_owners_in_our_network(tmp_path, monkeypatch):
    monkeypatch.setattr("ktconnect.apply.owner._exists", lambda netns, _: netns == "net:[1]")
    Journal.open(tmp_path, "living")
    left_behind(tmp_path, "dead")
    left_behind(tmp_path, "elsewhere", netns="net:[1]")
    left_behind(tmp_path, "nowhere", netns="net:[2]")
    left_behind(tmp_path, "rebooted", netns="net:[1]", boot="before")
    found = list(stale(tmp_path))
    assert [journal.session for journal in found] == ["dead", "nowhere", "rebooted"]
    assert found[0].entries() == [ENTRY]


def test_a_journal_of_another_version_is_left_to_that_one(tmp_path):
    (tmp_path / "s1.jsonl").write_text('{"process": {"id": 7}}\n')
    assert list(stale(tmp_path)) == []
    assert (tmp_path / "s1.jsonl").exists()
    newer = left_behind(tmp_path, "s2")
    newer.path.write_text(newer.path.read_text().replace('"before"', '"was"'))
    [found] = stale(tmp_path)
    with pytest.raises(KtError, match="another version"):
        found.entries()


def test_a_journal_that_never_got_its_first_line_is_swept_up(tmp_path):
    (tmp_path / "torn.jsonl").write_bytes(b'{"pid": 1')
    assert list(stale(tmp_path)) == []
    assert list(tmp_path.iterdir()) == []


def test_without_a_directory_there_is_nothing_stale(tmp_path):
    assert list(stale(tmp_path / "absent")) == []


def test_drafts_of_dead_processes_are_swept_up(tmp_path):
    with subprocess.Popen(["true"]) as gone:
        pass
    for name in (f".s1.{gone.pid}", f".s2.{os.getpid()}", ".keep.me"):
        (tmp_path / name).touch()
    assert list(stale(tmp_path)) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == [".keep.me", f".s2.{os.getpid()}"]
