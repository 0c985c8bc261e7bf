import asyncio
import json
import os
import signal
import threading
import time

import pytest

from ktconnect.background.log import log_path
from ktconnect.background.presence import this_process
from ktconnect.background.process import processes
from ktconnect.cli.detach import INTERRUPTED, run_detached
from ktconnect.cli.main import run
from ktconnect.cli.telling import Published, line_of
from ktconnect.errors import KtError, Refused
from ktconnect.modes.report import Ready, Status

READY = Ready("forward", "demo", "kt-forward-a", 1.5, {}, ("try it",), "Now you can access it")


def begin():
    return this_process("forward", "x", namespace="demo", context="c", kubeconfig="")


def get_ready(presence):
    said = Published(presence.say)
    with said.step("Looking") as step:
        step.says("Found")
    said.ready(READY)
    return said


def serve(presence):
    """Until SIGTERM, with a status now and then."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    said = get_ready(presence)
    for health in ("up", "up", "down"):
        said.status(Status(health))
    said.note("said later")
    while True:
        signal.pause()


def refuse(presence):
    said = Published(presence.say)
    with said.step("Looking"):
        raise Refused("no image", hint="pull it")


@pytest.fixture
def ended():
    """Ends what a test has left in the background."""
    yield
    for each in processes():
        if each.owner.pid != os.getpid():
            os.kill(each.owner.pid, signal.SIGTERM)
            os.waitpid(each.owner.pid, 0)


def wait_for(path, words):
    deadline = time.monotonic() + 10
    while words not in (text := path.read_text()):
        assert time.monotonic() < deadline, text
        time.sleep(0.01)
    return text


def test_the_caller_sees_all_until_it_is_ready_and_goes_on(kt_home, ended, capfd):
    assert run_detached("text", "forward", begin, serve) == 0
    out = capfd.readouterr().out
    assert "✓ Found" in out
    assert "Now you can access it" in out
    assert "`ktctl stop kt-forward-a`" in out
    [ours] = processes()
    assert ours.sessions == ("kt-forward-a",)
    assert ours.owner.pid != os.getpid()
    log = wait_for(log_path(ours.key), "said later")
    assert log.count('"status"') == 2  # changes alone
    assert "begin" not in log


def test_programs_are_told_process_and_log(kt_home, ended, capfd):
    assert run_detached("json", "forward", begin, serve) == 0
    events = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [event["event"] for event in events] == ["step", "ready"]
    [ours] = processes()
    assert events[-1]["pid"] == ours.owner.pid
    assert events[-1]["log"] == ours.log
    assert events[-1]["ending"] == "Stop with `ktctl stop kt-forward-a`."


@pytest.mark.parametrize("output", ["text", "json"])
def test_a_failure_before_that_is_the_callers(kt_home, capfd, output):
    assert run_detached(output, "forward", begin, refuse) == Refused.exit_code
    captured = capfd.readouterr()
    assert "no image" in (captured.err if output == "text" else captured.out)
    assert "pull it" in captured.err + captured.out
    assert processes() == []


def test_a_crash_is_told_with_its_last_words(kt_home):
    def crash(_):
        raise ZeroDivisionError("what nobody thought of")

    with pytest.raises(KtError, match="what nobody thought of"):
        run_detached("text", "forward", begin, crash)


def test_without_a_home_nothing_begins(kt_home, capfd):
    kt_home.touch()
    assert run_detached("text", "forward", begin, serve) == 7
    assert "can't be used" in capfd.readouterr().err


def test_who_interrupts_before_that_takes_the_new_process_along(kt_home, capfd):
    def wait(presence):
        async def until_told():
            told = asyncio.Event()
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
            presence.say(line_of("note", message="waiting"))
            await told.wait()

        asyncio.run(until_told())

    parent = threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGINT))
    parent.start()
    assert run_detached("text", "forward", begin, wait) == INTERRUPTED
    parent.join()
    assert "waiting" in capfd.readouterr().out
    assert processes() == []


@pytest.mark.parametrize(
    "words", [["connect"], ["exchange", "web"], ["preview", "web"], ["forward", "web"]]
)
def test_a_dry_run_is_not_for_the_background(words, kt_home, capsys):
    expose = ["--expose", "80"] if words[0] == "preview" else []
    assert run([*words, *expose, "--dryRun", "--detach"]) == 2
    assert "exclude each other" in capsys.readouterr().err
