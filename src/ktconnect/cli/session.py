"""Run a mode: event loop, reporter, log, signals; and how other commands find it."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

import click

from ktconnect.background.presence import Presence, announced, this_process
from ktconnect.background.process import Process
from ktconnect.errors import KtError
from ktconnect.groups import task_group
from ktconnect.modes.report import Reporter

from .detach import run_detached
from .options import Shared
from .output import reporter_for
from .telling import Both, Published, error_line, line_of

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
INTERRUPTED = 130
"""Exit code: a command that ends by itself was told to stop before it was done."""
UNDOING = (
    "stopping: what was made and changed is undone first, which may take some seconds",
    "another Ctrl-C changes nothing but where a line says so; "
    "what `kill -9` leaves, the next ktctl command undoes",
)
LEAVING = ("stopped before it was done: the same command again does the rest",)

Mode = Callable[[Reporter], Coroutine[Any, Any, None]]


def run_session(shared: Shared, mode: Mode) -> int:
    """Run ``mode``, which ends by itself; returns 130 if it was told to stop before that.

    Raises: KtError if the mode fails.
    """
    set_up_logging(debug=shared.debug)
    with contextlib.closing(reporter_for(shared.output)) as reporter:
        stopped = asyncio.run(until_stopped(mode(reporter)))
        _note(reporter, LEAVING if stopped else ())
        reporter.check()
    return INTERRUPTED if stopped else 0


def run_lasting(context: click.Context, shared: Shared, target: str, mode: Mode) -> int:
    """As `run_session`, for a mode that lasts: other commands see it, and find it by its pid file.

    The command is declared with ``detach.detach_option``; with ``--detach`` the mode runs in the
    background, and we return once it is ready. ``target`` is what `ktctl ps` shows of it.

    Raises: KtError if the mode fails; HostError if it can't be written down that it runs.
    """
    set_up_logging(debug=shared.debug)
    command = str(context.info_name)

    def begin() -> Process:
        return this_process(command, target, **_where(shared))

    if context.params["detach"]:
        return run_detached(
            shared.output, command, begin, lambda presence: _background(presence, mode)
        )
    with announced(begin()) as presence:
        with contextlib.closing(reporter_for(shared.output)) as reporter:
            both = Both(reporter, Published(presence.say))
            asyncio.run(_attended(presence, mode, both, reporter.close))
            reporter.check()
    return 0


def _where(shared: Shared) -> dict[str, str]:
    """The cluster that it is about. Raises: UsageError."""
    from ktconnect.modes.cluster import load_config

    config = load_config(shared.cluster)
    return {
        "namespace": shared.cluster.namespace or config.namespace,
        "context": config.context,
        "kubeconfig": os.path.abspath(path) if (path := shared.cluster.kubeconfig) else "",
    }


def _background(presence: Presence, mode: Mode) -> None:
    asyncio.run(_attended(presence, mode, Published(presence.say)))


async def _attended(
    presence: Presence,
    mode: Mode,
    reporter: Reporter,
    no_more_states: Callable[[], None] = lambda: None,
) -> None:
    """Run the mode while others may ask how it is. They hear its end, too.

    ``no_more_states`` is called when the mode is told to stop: that it is up is no longer true.
    """

    def ending() -> None:
        no_more_states()
        presence.ending()
        _note(reporter, UNDOING)

    async with presence.answering():
        try:
            await until_stopped(mode(reporter), presence.gone(), ending)
        except KtError as error:
            presence.say(error_line(error))
            raise
        presence.say(line_of("end", exitCode=0))


async def until_stopped(
    running: Coroutine[Any, Any, None],
    told: Awaitable[None] | None = None,
    stopping_now: Callable[[], None] = lambda: None,
) -> bool:
    """Await ``running``, and cancel it at the first signal that asks for an end; whether there was
    one.

    So does the end of ``told``; ``stopping_now`` is called then. Further signals are ignored until
    the process ends: what undoes must not be interrupted half-way. Who is in a hurry has SIGKILL,
    after which the next start undoes.
    """
    loop = asyncio.get_running_loop()
    stopped = False
    async with task_group() as tasks:
        task = tasks.create_task(running)

        def stop() -> None:
            nonlocal stopped
            stopped = True
            ignore(loop)
            stopping_now()
            task.cancel()

        for number in stopping():
            loop.add_signal_handler(number, stop)
        if told is not None:
            telling = tasks.create_task(_then(told, stop))
            task.add_done_callback(lambda _: telling.cancel())
    return stopped


def _note(reporter: Reporter, lines: Sequence[str]) -> None:
    for line in lines:
        reporter.note(line)


async def _then(told: Awaitable[None], stop: Callable[[], None]) -> None:
    await told
    stop()


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
    """Our own processes to standard error with ``--debug``; else warnings alone."""
    logging.basicConfig(
        level=logging.WARNING,  # libraries are heard only when they complain
        format="%(asctime)s %(levelname).3s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    logging.getLogger("ktconnect").setLevel(logging.DEBUG if debug else logging.WARNING)
