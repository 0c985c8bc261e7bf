import os
import signal

import pytest

from ktconnect.background.fork import CRASHED, Caller, ask_to_end, exit_code, spawn


def heard(reading):
    with os.fdopen(reading) as lines:
        return lines.read()


def test_a_child_tells_its_caller_and_ends_with_its_code():
    def body(caller):
        caller.tell("hello\n")
        return 7

    pid, reading = spawn(body)
    assert heard(reading) == "hello\n"
    assert exit_code(pid) == 7


def test_it_has_a_session_of_its_own_and_no_terminal_to_read():
    def body(caller):
        caller.tell(f"{os.getsid(0) == os.getpid()} {os.read(0, 1)!r}")
        return 0

    pid, reading = spawn(body)
    assert heard(reading) == "True b''"
    assert exit_code(pid) == 0


def test_its_caller_is_left_while_it_goes_on():
    def body(caller):
        caller.leave()
        caller.leave()
        caller.tell("to nobody\n")
        signal.pause()
        return 0

    pid, reading = spawn(body)
    assert heard(reading) == ""
    ask_to_end(pid)
    assert exit_code(pid) == 128 + signal.SIGTERM


def test_a_crash_is_told_on_its_standard_error(tmp_path):
    def body(_):
        os.dup2(os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT), 2)
        raise KeyError("what it was")

    pid, reading = spawn(body)
    assert heard(reading) == ""
    assert exit_code(pid) == CRASHED
    assert "KeyError: 'what it was'" in (tmp_path / "log").read_text()


@pytest.mark.parametrize("is_gone", [True, False])
def test_a_caller_who_does_not_listen_is_left(is_gone):
    reading, writing = os.pipe()
    caller = Caller(writing)
    if is_gone:
        os.close(reading)
    for _ in range(100):
        caller.tell("x" * 10_000)  # would block for ever
    assert caller._descriptor == -1
    if not is_gone:
        os.close(reading)
