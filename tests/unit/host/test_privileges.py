import os
import pwd
import subprocess
import sys

import pytest

from ktconnect.errors import HostError
from ktconnect.host.privileges import User, check_readable, invoking_user

ME = pwd.getpwuid(os.getuid())


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"SUDO_UID": "1000"},
        {"SUDO_UID": "0", "SUDO_GID": "0"},
        {"SUDO_UID": "x", "SUDO_GID": "1"},
    ],
)
def test_without_sudo_there_is_nobody_to_become(environ):
    assert invoking_user(environ) is None


def test_the_user_behind_sudo_is_looked_up():
    nobody = pwd.getpwnam("nobody")
    found = invoking_user({"SUDO_UID": str(nobody.pw_uid), "SUDO_GID": str(nobody.pw_gid)})
    assert found == User(nobody.pw_uid, nobody.pw_gid, "nobody", nobody.pw_dir)


def test_a_user_whom_nobody_knows_has_no_home():
    environ = {"SUDO_UID": "54321", "SUDO_GID": "54322", "SUDO_USER": "alice"}
    assert invoking_user(environ) == User(54321, 54322, "alice", "/")


DROP = """
import os
from ktconnect.host.privileges import User, drop_privileges
drop_privileges(User(65534, 65534, "nobody", "/nonexistent"))
print(os.getresuid(), os.getresgid(), os.getgroups(), os.environ["HOME"], os.environ["USER"])
try:
    os.setuid(0)
except PermissionError:
    print("for good")
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become someone else")
def test_rights_are_dropped_for_good():
    done = subprocess.run([sys.executable, "-c", DROP], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "(65534, 65534, 65534) (65534, 65534, 65534) [65534] /nonexistent nobody",
        "for good",
    ]


def test_a_program_that_the_user_may_not_read_is_told(tmp_path):
    user = User(1000, 1000, "ann", "/home/ann")
    check_readable(user)
    with pytest.raises(HostError, match="ann may not read") as error:
        check_readable(user, [str(tmp_path / "gone" / "os.py")])
    assert "sudo" in error.value.hint
