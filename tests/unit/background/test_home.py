import errno
import os

import pytest

from ktconnect.background import home
from ktconnect.errors import HostError


def test_all_is_below_the_users_own_folder(kt_home):
    assert home.folder() == kt_home
    assert {home.pids().name, home.runs().name, home.logs().name} == {"pid", "run", "log"}


def test_an_empty_home_does_not_mean_the_working_directory(monkeypatch):
    monkeypatch.delenv("SUDO_UID", raising=False)
    monkeypatch.setenv("HOME", "")
    assert str(home.folder()) == "/.kt"


def test_what_is_made_is_for_its_owner_alone(kt_home):
    made = home.make(home.runs())
    assert made.stat().st_mode & 0o777 == 0o700
    assert home.make(made) == made


def test_a_file_that_cannot_be_used_is_named(kt_home):
    with pytest.raises(HostError, match=r"/no/where.*No space"), home.needed():
        raise OSError(errno.ENOSPC, "No space left on device", "/no/where")


@pytest.mark.skipif(os.getuid() != 0, reason="root acts as somebody else")
def test_root_acts_as_the_user_behind_sudo_and_is_root_again(monkeypatch, tmp_path):
    monkeypatch.setenv("SUDO_UID", "65534")
    monkeypatch.setenv("SUDO_GID", "65534")
    assert home.folder().name == ".kt"
    with home.as_user(), home.as_user():
        assert (os.geteuid(), os.getegid()) == (65534, 65534)
        assert home._behind_sudo() is not None
    assert (os.geteuid(), os.getegid()) == (0, 0)
    tmp_path.chmod(0o700)
    with pytest.raises(HostError, match="Permission denied"), home.needed():
        (tmp_path / "theirs").touch()
