"""A small API server on a real socket: objects in a dict, watches, patches, denials.

It keeps the rules that the code under test relies on: resourceVersions, UIDs and their
preconditions, JSON Patch with ``test``, pages, watches with bookmarks and 410, RBAC's words.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.unit.kube.fakeanswers import Answer, Asked, denied, failed, head_of, read_request
from tests.unit.kube.fakestore import FakeStore, place_of

from ktconnect.kube.config import KubeConfig, Login
from ktconnect.kube.paths import KINDS


class FakeApi(FakeStore):
    """Serves what it holds, and what a test puts in the way."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Asked] = []
        self.next_answers: list[Answer] = []
        self.routes: dict[str, Callable[[Asked], Answer]] = {}
        self.now: float | None = None
        self.token = ""
        self.queues: list[asyncio.Queue[dict[str, Any] | None]] = []
        self.writers: set[asyncio.StreamWriter] = set()
        self.too_old = False
        self._changed = asyncio.Event()
        self._is_open = False
        self.port = 0
        self.scheme = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def config(self, **fields: Any) -> KubeConfig:
        return KubeConfig(
            **{
                "server": self.url,
                "context": "fake",
                "user": "u",
                "login": Login(token="secret"),
                **fields,
            }
        )

    def kubeconfig(self, folder: Path, namespace: str) -> str:
        """Writes one into ``folder``; where it is."""
        path = folder / "config"
        path.write_text(
            f"clusters: [{{name: c, cluster: {{server: '{self.url}'}}}}]\n"
            f"contexts: [{{name: x, context: {{cluster: c, namespace: {namespace}}}}}]\n"
            "current-context: x\n"
        )
        return str(path)

    @asynccontextmanager
    async def serving(self, tls: ssl.SSLContext | None = None) -> AsyncIterator["FakeApi"]:
        self.scheme = "https" if tls else "http"
        self._is_open = True
        server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        async with asyncio.TaskGroup() as self._group:
            try:
                yield self
            finally:
                self._is_open = False
                server.close()
                self.drop_connections()

    def drop_connections(self) -> None:
        """Cut every connection, as a restart or a broken network does."""
        for writer in list(self.writers):
            writer.transport.abort()
        self.end_watches()

    def end_watches(self) -> None:
        """End every watch in good order, as the server does now and then."""
        for queue in self.queues:
            queue.put_nowait(None)
        self.queues.clear()
        self.watchers.clear()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_open:
            self._group.create_task(self._serve(reader, writer))
        else:  # it came while all was closed
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.add(writer)
        self._changed.set()
        try:
            while (asked := await read_request(reader)) is not None:
                if not await self._respond(asked, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.writers.discard(writer)
            self._changed.set()
            writer.close()

    async def _respond(self, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        if not self.next_answers and asked.query.get("watch") == "true":
            self.asked.append(asked)
            if (answer := await self._watch(asked, writer)) is None:
                return False
        else:
            answer = self.answered(asked)
        if answer.cut:
            return False
        body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        writer.write(head_of(answer, self.now) + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        return True

    def answered(self, asked: Asked) -> Answer:
        """What it says to anything but a watch."""
        self.asked.append(asked)
        return self.next_answers.pop(0) if self.next_answers else self._answer(asked)

    def _answer(self, asked: Asked) -> Answer:
        if self.token and asked.headers.get("authorization") != f"Bearer {self.token}":
            return failed(401, "Unauthorized", "Unauthorized")
        if asked.path in self.routes:
            return self.routes[asked.path](asked)
        if asked.path == "/version":
            return Answer(body={"major": "1", "minor": "36+", "gitVersion": "v1.36.3"})
        place = place_of(asked.path)
        if place is None:
            return Answer(404, b"404 page not found\n")
        kind, namespace, name = place
        plural = KINDS[kind].plural
        scale = asked.path.endswith(f"/{name}/scale")
        if scale:
            plural += "/scale"
        verb = {"POST": "create", "PUT": "update", "GET": "get" if name else "list"}.get(
            asked.method, asked.method.lower()
        )
        if (verb, plural, namespace) in self.denied or (verb, plural, "*") in self.denied:
            return denied(verb, plural, namespace)
        do = self._scale if scale else getattr(self, f"_{verb}")
        if asked.query.get("dryRun") == "All":
            return self.rehearsed(lambda: do(asked, kind, namespace, name))
        answer: Answer = do(asked, kind, namespace, name)
        return answer

    async def _watch(self, asked: Asked, writer: asyncio.StreamWriter) -> Answer | None:
        place = place_of(asked.path)
        assert place
        kind, namespace, _ = place
        plural = KINDS[kind].plural
        if ("watch", plural, namespace) in self.denied:
            return denied("watch", plural, namespace)
        if self.token and asked.headers.get("authorization") != f"Bearer {self.token}":
            return failed(401, "Unauthorized", "Unauthorized")
        if self.too_old:
            self.too_old = False
            return failed(410, "Expired", "too old resource version")
        queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self.watchers.append((kind, namespace, queue))
        self.queues.append(queue)
        self._changed.set()
        writer.write(head_of(Answer(), self.now) + b"Connection: close\r\n\r\n")
        while (event := await queue.get()) is not None:
            writer.write(json.dumps(event).encode() + b"\n")
            await writer.drain()
        return None

    async def watched(self, number: int = 1) -> None:
        """Until so many watches are open."""
        await self._until(lambda: len(self.watchers) >= number)

    async def connected(self, number: int) -> None:
        """Until so many connections are open, no more and no fewer."""
        await self._until(lambda: len(self.writers) == number)

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():
                self._changed.clear()
                await self._changed.wait()
