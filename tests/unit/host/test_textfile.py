import os
import stat
import subprocess
import sys

import pytest

from ktconnect.errors import Conflict, HostError
from ktconnect.host.textfile import check_writable, read_text, replace_text, trim


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "hosts"
    path.write_bytes(b"127.0.0.1 caf\xe9\r\n")
    return path


@pytest.mark.parametrize("new", ["short", "a line that is longer than what was there\n", ""])
def test_every_byte_comes_back(path, new):
    before, old = path.read_bytes(), read_text(path)
    replace_text(path, new, expected=old)
    assert path.read_bytes() == new.encode()
    replace_text(path, old, expected=new)
    assert path.read_bytes() == before


def test_a_file_stays_the_same_file(path, tmp_path):
    path.chmod(0o640)
    link = tmp_path / "link"
    link.symlink_to(path)
    os.link(path, tmp_path / "other")
    before = path.stat()
    replace_text(link, "new", expected=read_text(link))
    assert link.is_symlink()
    assert (path.stat().st_ino, path.stat().st_mode) == (before.st_ino, before.st_mode)
    assert (tmp_path / "other").read_text() == "new"


def test_a_file_can_appear_and_vanish(tmp_path):
    path = tmp_path / "resolv.conf"
    assert read_text(path) is None
    replace_text(path, "new", expected=None)
    assert stat.S_IMODE(path.stat().st_mode) & 0o444
    replace_text(path, None, expected="new")
    assert not path.exists()
    replace_text(path, None, expected=None)


def test_a_link_that_led_nowhere_leads_nowhere_again(tmp_path):
    link = tmp_path / "resolv.conf"
    link.symlink_to(tmp_path / "stub")
    replace_text(link, "new", expected=read_text(link))
    assert (tmp_path / "stub").read_text() == "new"
    replace_text(link, None, expected="new")
    assert link.is_symlink()
    assert not (tmp_path / "stub").exists()


@pytest.mark.parametrize("new", ["new", None])
def test_what_someone_else_wrote_is_not_overwritten(path, new):
    with pytest.raises(Conflict, match="changed by someone else"):
        replace_text(path, new, expected="what was there")
    assert path.read_bytes() == b"127.0.0.1 caf\xe9\r\n"


def test_a_file_that_appeared_meanwhile_is_not_overwritten(path):
    with pytest.raises(Conflict):
        replace_text(path, "new", expected=None)


def test_it_is_said_why_a_file_cannot_be_written(tmp_path):
    with pytest.raises(HostError, match="can't be written: Is a directory") as error:
        replace_text(tmp_path, "new", expected="")
    assert "--dnsMode" in error.value.hint


def test_whether_a_file_can_be_written_is_seen_without_a_change(path):
    before, stat_before = path.read_bytes(), path.stat()
    check_writable(path)
    check_writable(path.with_name("absent"))
    assert path.read_bytes() == before
    assert path.stat().st_mtime_ns == stat_before.st_mtime_ns
    assert not path.with_name("absent").exists()


def test_what_cannot_be_written_is_named_with_why(tmp_path):
    loop = tmp_path / "hosts"
    loop.symlink_to("hosts")  # leads to itself, so that even root can't write it
    with pytest.raises(HostError, match="hosts can't be written: Too many") as error:
        check_writable(loop)
    assert f"findmnt -T {loop}" in error.value.hint


def test_a_file_cannot_be_made_in_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(HostError, match="nowhere can't be written"):
        check_writable(tmp_path / "nowhere" / "hosts")


# The kernel takes no byte beyond the 64th, as if the disk were full. In a process of its own: the
# limit holds for all that a process writes.
WITHOUT_ROOM = """
import resource, sys
from pathlib import Path
from ktconnect.errors import HostError
from ktconnect.host.textfile import read_text, replace_text
path = Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))
try:
    replace_text(path, "x" * 100, expected=read_text(path))
except HostError as error:
    sys.exit(str(error))
"""


def test_without_room_for_the_new_text_the_old_one_stays(path):
    before = path.read_bytes()
    command = [sys.executable, "-c", WITHOUT_ROOM, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "File too large" in done.stderr
    assert path.read_bytes() == before


def test_a_write_that_was_killed_before_its_end_is_finished(path):
    path.write_bytes(b"127.0.0.1 a\n\0\0\0")
    trim(path)
    assert path.read_bytes() == b"127.0.0.1 a\n"
    trim(path)
    trim(path.with_name("absent"))
    assert path.read_bytes() == b"127.0.0.1 a\n"
