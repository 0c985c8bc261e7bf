"""Run a mode in the foreground: event loop, reporter, log, signals."""

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from ktconnect.modes.report import Reporter

from .options import Shared
from .output import reporter_for

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
Mode = Callable[[Reporter], Coroutine[Any, Any, None]]


def run_session(shared: Shared, mode: Mode) -> int:
    """Run ``mode`` until it ends or is told to stop; being told to stop is success.

    Raises: KtError if the mode fails.
    """
    set_up_logging(debug=shared.debug)
    with contextlib.closing(reporter_for(shared.output)) as reporter:
        asyncio.run(until_stopped(mode(reporter)))
    return 0


async def until_stopped(running: Coroutine[Any, Any, None]) -> None:
    """Await ``running``, and cancel it at the first signal that asks for an end.

    Further signals are ignored until the process ends: what undoes must not be interrupted
    half-way. Who is in a hurry has SIGKILL, after which the next start undoes.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(running)

            def stop() -> None:
                ignore(loop)
                task.cancel()

            for number in stopping():
                loop.add_signal_handler(number, stop)
    except ExceptionGroup as group:  # callers see the cause, not our plumbing
        raise group.exceptions[0] from None


def ignore(loop: asyncio.AbstractEventLoop) -> None:
    """Leave the signals to nobody, not even to the interpreter while it ends."""
    for number in STOPPING:
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_IGN)


def stopping() -> list[signal.Signals]:
    """The signals that ask for an end; under nohup the terminal's hanging up does not."""
    ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return [number for number in STOPPING if not (ignored and number is signal.SIGHUP)]


def set_up_logging(*, debug: bool) -> None:
    """Our own records to standard error with ``--debug``; else warnings alone."""
    logging.basicConfig(
        level=logging.WARNING,  # libraries are heard only when they complain
        format="%(asctime)s %(levelname).3s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    logging.getLogger("ktconnect").setLevel(logging.DEBUG if debug else logging.WARNING)
