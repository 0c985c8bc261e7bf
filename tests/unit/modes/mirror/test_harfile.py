import json
import os
import resource
import stat

import pytest

from ktconnect.errors import UsageError
from ktconnect.modes.mirror.harfile import HarFile, check_new
from ktconnect.traffic.exchange import Answer, Body, Exchange, Request
from ktconnect.traffic.har import entry_of
from ktconnect.traffic.har_read import read_har


def entry(path, body=b"hi"):
    request = Request("GET", path, (("Host", "web"),))
    return entry_of(Exchange(request, Answer(200, (), Body.whole(body))))


def test_the_file_is_whole_after_every_entry_and_for_its_owner_alone(tmp_path):
    path = tmp_path / "a.har"
    file = HarFile(str(path))
    assert json.loads(path.read_text())["log"]["entries"] == []
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for count in range(1, 4):
        file.add(entry(f"/{count}"))
        assert [each.request.target for each in read_har(path.read_text())] == [
            f"/{number}" for number in range(1, count + 1)
        ]
    file.close()
    file.close()
    assert path.exists()


def test_a_file_without_an_entry_is_not_left_behind(tmp_path):
    HarFile(str(tmp_path / "a.har")).close()
    assert not (tmp_path / "a.har").exists()


def test_a_file_that_is_there_is_never_overwritten(tmp_path):
    path = tmp_path / "a.har"
    path.write_text("precious")
    with pytest.raises(UsageError, match="there is such a file already"):
        HarFile(str(path))
    assert path.read_text() == "precious"
    with pytest.raises(UsageError, match="No such file"):
        HarFile(str(tmp_path / "no" / "a.har"))


def test_an_entry_that_finds_no_room_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "a.har"
    file = HarFile(str(path))
    file.add(entry("/1"))
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 200, hard))
    try:
        with pytest.raises(OSError, match="room"):
            file.add(entry("/2", os.urandom(5000)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before
    file.add(entry("/3"))
    assert len(read_har(path.read_text())) == 2
    file.close()


def test_what_can_not_be_made_is_known_before_anything_is(tmp_path):
    there = tmp_path / "a.har"
    check_new("")
    check_new(str(there))
    assert not there.exists()
    there.symlink_to("nowhere")
    with pytest.raises(UsageError, match="such a file already"):
        check_new(str(there))
    with pytest.raises(UsageError, match=r"b\.har: there is no folder .*/no$"):
        check_new(str(tmp_path / "no" / "b.har"))


def test_a_folder_that_may_not_be_written_to_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may everything
    with pytest.raises(UsageError, match="permission denied"):
        check_new(str(tmp_path / "a.har"))
