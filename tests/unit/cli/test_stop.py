import signal
import subprocess
import sys
from typing import Any

import pytest
from tests.unit.background.processes import sleeping

from ktconnect.background.process import processes
from ktconnect.cli.main import run

SESSION = """
import asyncio, sys
from ktconnect.background.presence import announced, this_process
from ktconnect.cli.session import _attended
from ktconnect.cli.telling import Published
from ktconnect.errors import KtError

async def mode(said, how):
    try:
        with said.step("Working"):
            print("begun", flush=True)
            await asyncio.sleep(60)
    finally:
        said.note("2 calls go on")
        with said.step("Taking all away") as step:
            step.says("Nothing is left")
        if how == "badly":
            said.warn("something is left", "look")
            raise KtError("it went wrong", hint="again")

with announced(this_process("forward", "x", namespace="n", context="c", kubeconfig="")) as ours:
    told = Published(ours.say)
    asyncio.run(_attended(ours, lambda said: mode(said, sys.argv[1]), told))
"""


@pytest.fixture
def session(kt_home):
    """Starts a session's process; what is left of it is killed."""
    started: list[Any] = []

    def start(how="well"):
        argv = [sys.executable, "-c", SESSION, how]
        running = subprocess.Popen(
            argv, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert running.stdout is not None
        started.append(running)
        assert running.stdout.readline() == "begun\n"
        return running

    yield start
    for each in started:
        each.kill()
        each.wait(10)
        each.stdout.close()


def test_one_is_stopped_and_what_came_of_it_is_told(session, capsys):
    running = session()
    assert run(["stop", f"forward-{running.pid}"]) == 0
    out = capsys.readouterr().out
    assert f"forward-{running.pid} has ended: Nothing is left" in out
    assert "2 calls go on" in out, "it is shown what is waited for"
    assert "another Ctrl-C" not in out
    assert running.wait(5) == 0
    assert processes() == []


def test_all_are_stopped_at_once_also_one_that_is_suspended(session, capsys):
    one, two = session(), session()
    one.send_signal(signal.SIGSTOP)
    assert run(["stop", "--all"]) == 0
    out = capsys.readouterr().out
    assert (one.wait(5), two.wait(5)) == (0, 0)
    assert str(one.pid) in out
    assert str(two.pid) in out
    assert run(["stop", "--all"]) == 0
    assert "no session of yours" in capsys.readouterr().out


def test_one_that_ends_badly_is_a_failure_with_its_own_words(session, capsys):
    running = session("badly")
    assert run(["stop", str(running.pid)]) == 1
    captured = capsys.readouterr()
    assert "something is left" in captured.out
    assert "it went wrong" in captured.out
    assert "not stopped as it should be" in captured.err


def wait_for_trap(pid):
    """Until it ignores SIGTERM: bit 14 of SigIgn in proc(5)."""
    while True:
        with open(f"/proc/{pid}/status") as file:
            mask = next(line for line in file if line.startswith("SigIgn")).split()[1]
        if int(mask, 16) & 1 << signal.SIGTERM - 1:
            return


def test_one_that_does_not_end_in_time_is_left_running(kt_home, capsys):
    with sleeping("sh", "-c", "trap '' TERM; echo; sleep 60; exit") as (running, theirs):
        wait_for_trap(running.pid)
        theirs.announce()
        assert run(["stop", theirs.key, "--timeout", "0.2"]) == 1
        assert "has not ended within 0.2 s" in capsys.readouterr().out
        assert running.poll() is None


def test_it_must_be_said_which(kt_home, capsys):
    assert run(["stop"]) == 2
    assert "say which sessions to stop" in capsys.readouterr().err
    assert run(["stop", "--all", "x"]) == 2
    assert "--all is every session" in capsys.readouterr().err
    assert run(["stop", "nix"]) == 2
    assert "no session nix" in capsys.readouterr().err


def test_a_process_of_another_user_cannot_be_stopped(kt_home, capsys, monkeypatch):
    def refuse(*_):
        raise PermissionError

    with sleeping() as (running, theirs):
        theirs.announce()
        monkeypatch.setattr(signal, "pidfd_send_signal", refuse)
        assert run(["stop", theirs.key]) == 1
        assert "runs as another user" in capsys.readouterr().out
        assert running.poll() is None
