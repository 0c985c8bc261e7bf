import asyncio
import logging
import os
import signal

import pytest

from ktconnect.cli.session import STOPPING, set_up_logging, stopping, until_stopped
from ktconnect.errors import UsageError


@pytest.fixture(autouse=True)
def handlers():
    """A session that was stopped leaves its signals ignored; the tests go on."""
    before = {number: signal.getsignal(number) for number in STOPPING}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


async def test_a_mode_that_ends_by_itself_is_done():
    await until_stopped(asyncio.sleep(0))


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

    await until_stopped(mode())
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
