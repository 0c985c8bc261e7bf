"""This process as other commands see it: its files, and who listens to what it says.

The socket needs no question: whoever connects is told the state at once, in one line, and then,
for as long as he stays, every line that the session says.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ktconnect.apply.owner import Owner

from . import home
from .process import Process
from .socketfile import bound

LOOK: Final = 1.0
"""Seconds between two looks at the pid file."""
SLOW: Final = 1_000_000
"""Bytes that a listener may leave unread before he is dropped."""
WARNINGS: Final = 5
"""How many of its last warnings a session tells to who asks later."""
LAST_WORDS: Final = 1.0
"""Seconds that listeners get to take the last line."""
STALE: Final = 5.0
"""Seconds after which a status is no news any more: the session writes one every second."""

Event = dict[str, Any]
Listener = Callable[[str], object]


class Presence:
    """What is known of this process, told to whoever asks. Made by ``announced``."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.listeners: list[Listener] = []
        self._writers: set[asyncio.StreamWriter] = set()
        self._doing = ""
        self._ready = False
        self._ending = False
        self._statuses: dict[str, tuple[float, Event]] = {}
        self._facts: dict[str, Event] = {}
        self._warnings: dict[str, str] = {}

    def say(self, line: str) -> None:
        """Tell everybody one line, an event as JSON; what it says of our state is kept."""
        self._keep(json.loads(line))
        for listener in self.listeners:
            listener(line)
        for writer in list(self._writers):
            self._tell(writer, line)

    def snapshot(self) -> Event:
        """The state now, for one who asks; ``statuses`` by session, with their ``age``, ``facts``
        by session, the last ``warnings`` with the time at which they were said."""
        now = time.monotonic()
        return {
            "event": "state",
            "ready": self._ready,
            "ending": self._ending,
            "doing": self._doing,
            "statuses": {
                session: {**status, "age": round(now - heard, 1)}
                for session, (heard, status) in self._statuses.items()
            },
            "facts": self._facts,
            "warnings": [{"time": at, "message": said} for said, at in self._warnings.items()],
        }

    def ending(self) -> None:
        """From now on everything is undone."""
        self._ending = True

    async def gone(self) -> None:
        """Return when somebody has removed the pid file: KT Connect's way to say stop.

        Looked at every second: not every file system tells of such events.
        """
        missing = False
        while not missing:
            await asyncio.sleep(LOOK)
            missing = _is_missing(self.process.pid_file)

    @asynccontextmanager
    async def answering(self) -> AsyncIterator[None]:
        """Answer on the socket in the block. Raises: HostError if it can't be made."""
        with home.needed():
            sock = bound(self.process.socket)
        server = await asyncio.start_unix_server(self._accept, sock=sock)
        try:
            yield
        finally:
            server.close()
            await self._close_all()

    def _accept(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        self._tell(writer, json.dumps(self.snapshot()) + "\n")

    def _tell(self, writer: asyncio.StreamWriter, line: str) -> None:
        transport = writer.transport
        if transport.is_closing() or transport.get_write_buffer_size() > SLOW:
            self._writers.discard(writer)
            transport.abort()
        else:
            writer.write(line.encode())

    async def _close_all(self) -> None:
        for writer in self._writers:
            writer.close()
        try:
            async with asyncio.timeout(LAST_WORDS):
                for writer in list(self._writers):  # one may still come, or be dropped, meanwhile
                    await writer.wait_closed()
        except (TimeoutError, OSError):  # a listener that is stopped, or gone
            for writer in self._writers:
                writer.transport.abort()

    def _keep(self, event: Event) -> None:
        match event.get("event"):
            case "begin":
                self._doing = event["title"]
            case "step":
                self._doing = ""
            case "status":
                told = {key: event[key] for key in event if key not in ("time", "event")}
                self._statuses[event["session"]] = (time.monotonic(), told)
            case "ready":
                self._learn(event)
            case "warning":
                self._keep_warning(event)
            case "note":
                self._warnings.pop(event.get("settles", ""), None)
            case "serving":
                self._ready = True
            case _:
                pass

    def _keep_warning(self, event: Event) -> None:
        """The last ones that hold, each once, at the time at which it was said last."""
        self._warnings.pop(event["message"], None)
        self._warnings[event["message"]] = str(event.get("time", ""))
        for said in [*self._warnings][:-WARNINGS]:
            del self._warnings[said]

    def _learn(self, ready: Event) -> None:
        """The names under which the cluster knows us."""
        known = self.process
        self._facts[ready["session"]] = ready.get("facts", {})
        targets = {name: known.target_of(name) for name in known.sessions}
        targets[ready["session"]] = str(ready.get("facts", {}).get("service", ""))
        self.process = replace(
            known,
            sessions=tuple(targets),
            targets=tuple(targets.values()),
            namespace=ready["namespace"],
        )
        with suppress(OSError), home.as_user():  # if it can't, its process is found still
            self.process.write()


@contextmanager
def announced(process: Process) -> Iterator[Presence]:
    """This process, known by its files on disk in the block.

    Raises: HostError if they can't be written.
    """
    with home.needed():
        process.announce()
    presence = Presence(process)
    try:
        yield presence
    finally:
        with suppress(OSError), home.as_user():  # what stays is swept once we are gone
            presence.process.withdraw()


def _is_missing(path: Path) -> bool:
    """Whether it is known that there is no such file; a disk in trouble is no word of the user."""
    try:
        path.stat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


def this_process(
    command: str, target: str, *, namespace: str, context: str, kubeconfig: str
) -> Process:
    """The calling process, which begins now."""
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return Process(Owner.current(), command, target, namespace, context, kubeconfig, since)
