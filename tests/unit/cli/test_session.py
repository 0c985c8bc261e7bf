import asyncio
import io
import logging
import os
import signal
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from ktconnect.background.process import processes
from ktconnect.cli import session as sessions
from ktconnect.cli.options import Shared
from ktconnect.cli.output import TextReporter
from ktconnect.cli.session import (
    STOPPING,
    run_lasting,
    run_session,
    set_up_logging,
    stopping,
    until_stopped,
)
from ktconnect.errors import UsageError
from ktconnect.modes.report import Status
from ktconnect.modes.spec import ClusterSpec


@pytest.fixture(autouse=True)
def handlers():
    """A session that was stopped leaves its signals ignored; the tests go on."""
    before = {number: signal.getsignal(number) for number in STOPPING}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


async def test_a_mode_that_ends_by_itself_is_done():
    assert not await until_stopped(asyncio.sleep(0))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
async def test_a_signal_ends_the_mode_after_it_has_undone_everything(number):
    undone = []

    async def mode():
        try:
            os.kill(os.getpid(), number)
            await asyncio.sleep(10)
        finally:
            os.kill(os.getpid(), number)  # an impatient second signal
            await asyncio.sleep(0.05)
            undone.append(True)

    assert await until_stopped(mode())
    assert undone == [True]
    os.kill(os.getpid(), number)  # and a late third one


async def test_the_failure_of_a_mode_comes_out_as_it_is():
    async def mode():
        raise UsageError("no")

    with pytest.raises(UsageError, match="no"):
        await until_stopped(mode())


def test_debug_is_about_our_own_records():
    ours = logging.getLogger("ktconnect")
    before = ours.level
    try:
        set_up_logging(debug=True)
        assert ours.level == logging.DEBUG
        assert logging.getLogger("picows").getEffectiveLevel() >= logging.WARNING
        set_up_logging(debug=False)
        assert ours.level == logging.WARNING
    finally:
        ours.setLevel(before)


def test_under_nohup_a_closed_terminal_is_no_reason_to_end():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert signal.SIGHUP not in stopping()
        assert signal.SIGTERM in stopping()
    finally:
        signal.signal(signal.SIGHUP, before)
    assert signal.SIGHUP in stopping()


async def until(event):
    await event.wait()


async def test_what_is_told_ends_the_mode_too():
    told, ending = asyncio.Event(), []

    async def mode():
        told.set()
        await asyncio.sleep(10)

    async with asyncio.timeout(5):
        await until_stopped(mode(), until(told), lambda: ending.append(True))
    assert ending == [True]


SHARED = Shared(ClusterSpec(), "json", debug=False)
PLACE = {"namespace": "demo", "context": "c", "kubeconfig": ""}


def lasting(mode):
    context: Any = SimpleNamespace(info_name="forward", params={"detach": False})
    return run_lasting(context, SHARED, "web", mode)


def test_a_command_that_lasts_can_be_found_while_it_runs(kt_home, monkeypatch, capsys):
    monkeypatch.setattr(sessions, "_where", lambda _: PLACE)
    seen = []

    async def mode(reporter):
        seen.extend(processes())
        reporter.note("hello")

    assert lasting(mode) == 0
    assert [(each.command, each.target) for each in seen] == [("forward", "web")]
    assert processes() == []
    assert "hello" in capsys.readouterr().out


def test_told_to_stop_it_says_at_once_that_it_undoes(kt_home, monkeypatch, capsys):
    monkeypatch.setattr(sessions, "_where", lambda _: PLACE)
    shown = []

    async def mode(_):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(10)
        finally:
            shown.append(capsys.readouterr().out)

    assert lasting(mode) == 0
    assert "is undone first" in shown[0]
    assert "another Ctrl-C changes nothing but where a line says so" in shown[0], "as --mode scale"


def test_told_to_stop_it_no_longer_says_on_a_terminal_that_it_is_up(kt_home, monkeypatch):
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=True, _environ={"TERM": "xterm"})
    monkeypatch.setattr(sessions, "_where", lambda _: PLACE)
    monkeypatch.setattr(sessions, "reporter_for", lambda _: TextReporter(console))

    async def mode(reporter):
        reporter.status(Status("up"))
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(10)
        finally:
            reporter.status(Status("up"))
            reporter.note("undone")

    assert lasting(mode) == 0
    before, _, after = out.getvalue().partition("is undone first")
    assert "● " in before
    assert "undone" in after
    assert "● " not in after


def test_what_ends_by_itself_and_is_stopped_before_is_not_done(capsys):
    async def mode(_):
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(10)

    async def nothing(_):
        pass

    assert run_session(SHARED, mode) == 130
    assert "stopped before it was done" in capsys.readouterr().out
    for number in STOPPING:
        signal.signal(number, signal.SIG_DFL)
    assert run_session(SHARED, nothing) == 0


def test_its_failure_comes_out_and_its_files_go(kt_home, monkeypatch):
    monkeypatch.setattr(sessions, "_where", lambda _: PLACE)

    async def mode(_):
        raise UsageError("no")

    with pytest.raises(UsageError, match="no"):
        lasting(mode)
    assert processes() == []
