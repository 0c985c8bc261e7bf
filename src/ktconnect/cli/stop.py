"""`ktctl stop`."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable

import click

from ktconnect.background.asking import ask, listening
from ktconnect.background.ending import Held, held
from ktconnect.background.process import Process, processes
from ktconnect.errors import KtError, UsageError
from ktconnect.groups import task_group
from ktconnect.modes.report import Reporter

from .mine import chosen, complete
from .options import Shared, local_options, take_shared
from .sections import Sectioned
from .session import UNDOING, run_session
from .telling import Event

KILLED_WITHIN = 5.0
"""Seconds that the kernel gets to end a killed process."""


@click.command(cls=Sectioned, short_help="Stop sessions on this machine.")
@click.argument("sessions", nargs=-1, metavar="[SESSION]…", shell_complete=complete)
@click.option("--all", "everything", is_flag=True, help="Stop every session of yours here.")
@click.option(
    "--timeout",
    type=click.FloatRange(0),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long one may take to undo what it did.",
)
@click.option("--force", is_flag=True, help="Kill what does not end in time, and undo for it.")
@local_options("text", "json")
@click.pass_context
def stop(
    context: click.Context, /, sessions: tuple[str, ...], everything: bool, **flags: float
) -> int:
    """Stop sessions on this machine: each undoes what it did, and ends.

    SESSION is a name or a process id as `ktctl ps` shows it.
    """
    if sessions and everything:
        raise UsageError("--all is every session: it goes with no name", hint="drop one of them")
    if not sessions and not everything:
        raise UsageError("say which sessions to stop", hint="name them, or use --all")
    shared = take_shared(context)
    wanted = processes() if everything else chosen(sessions)
    stopper = Stopper(shared, flags["timeout"], force=bool(flags["force"]))
    return run_session(shared, lambda reporter: stopper.stop(wanted, reporter))


class NotEnded(KtError):
    """A process takes longer than it was given."""


class Stopper:
    """Stops processes, and says what came of each."""

    def __init__(self, shared: Shared, patience: float, *, force: bool) -> None:
        self._shared = shared
        self._patience = patience
        self._force = force

    async def stop(self, wanted: list[Process], reporter: Reporter) -> None:
        """All of them at once. Raises: KtError if one has not ended well."""
        if not wanted:
            reporter.note("no session of yours runs on this machine")
        async with task_group() as tasks:
            stopped = [tasks.create_task(self._stop(each, reporter)) for each in wanted]
        failed = [each for task, each in zip(stopped, wanted, strict=True) if not task.result()]
        if failed:
            names = ", ".join(each.name for each in failed)
            raise KtError(f"not stopped as it should be: {names}", hint="see what it said above")

    async def _stop(self, process: Process, reporter: Reporter) -> bool:
        with held(process) as target:
            if target is None:
                reporter.note(f"{process.name} has ended already")
                return True
            try:
                return await self._end(target, reporter)
            except KtError as error:
                reporter.warn(str(error), error.hint)
                return False

    async def _end(self, target: Held, reporter: Reporter) -> bool:
        last = Last(reporter.note)
        try:
            with reporter.step(f"Stopping {target.process.name}") as step:
                await self._ended(target, last)
                step.says(last.told(target.process))
        except NotEnded as error:
            return await self._not_ended(target, str(error), reporter)
        for warning in last.warnings:
            reporter.warn(warning["message"], warning["hint"])
        return not last.failed

    async def _ended(self, target: Held, last: "Last") -> None:
        """Ask it to end, and hear it out. Raises: NotEnded if it does not in time."""
        async with task_group() as tasks:
            hearing = tasks.create_task(last.hear(target.process))
            await last.listens.wait()
            target.send(signal.SIGTERM)
            target.send(signal.SIGCONT)  # one that is suspended can't undo anything
            if not (ended := await _within(target, self._patience)):
                hearing.cancel()
        if not ended:
            found = (await ask(target.process))[0]
            why = found.reason or found.state
            raise NotEnded(f"{found.session} has not ended within {self._patience:g} s: {why}")

    async def _not_ended(self, target: Held, message: str, reporter: Reporter) -> bool:
        if not self._force:
            reporter.warn(message, "wait for it, or use --force, which kills it and cleans up")
            return False
        reporter.warn(message)
        target.send(signal.SIGKILL)
        await _within(target, KILLED_WITHIN)
        processes()  # its files go with it
        await self._clean(target.process, reporter)
        return True

    async def _clean(self, process: Process, reporter: Reporter) -> None:
        """What `ktctl clean` does, in the cluster that the killed one was about."""
        from dataclasses import replace

        from ktconnect.modes.clean import CleanSpec, run

        cluster = replace(
            self._shared.cluster,
            kubeconfig=process.kubeconfig,
            context=process.context,
            namespace=process.namespace,
        )
        await run(CleanSpec(cluster=cluster), reporter)


class Last:
    """What a process says while it ends."""

    def __init__(self, say: Callable[[str], object]) -> None:
        """``say`` is told at once what it waits for."""
        self.listens = asyncio.Event()
        self._say = say
        self.warnings: list[Event] = []
        self.failed = False
        self._result = ""

    async def hear(self, process: Process) -> None:
        """Until it ends; one that doesn't talk to us is ended all the same."""
        try:
            async with listening(process) as events:
                self.listens.set()
                await self._hear(events)
        except (OSError, ValueError):
            pass
        finally:
            self.listens.set()

    def told(self, process: Process) -> str:
        """What came of it."""
        return f"{process.name} has ended" + (f": {self._result}" if self._result else "")

    async def _hear(self, events: AsyncIterator[Event]) -> None:
        async for event in events:
            match event["event"]:
                case "step":
                    self._result = event["result"]
                case "note" if event["message"] not in UNDOING:
                    self._say(event["message"])
                case "warning":
                    self.warnings.append(event)
                case "error":
                    self.failed = True
                    self.warnings.append(event)
                case _:
                    pass


async def _within(target: Held, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await target.ended()
    except TimeoutError:
        return False
    return True
