"""Asks a fake API server in the same process, without HTTP: for tests that ask tens of thousands.

That what is asked and answered goes over a socket as it should is for the tests of `kube`; this is
for those that are about what a mode asks for, and when.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import unquote

from tests.unit.kube.fakeanswers import Answer, Asked
from tests.unit.kube.fakeapi import FakeApi

from ktconnect.kube.client import Cluster
from ktconnect.kube.failures import failure
from ktconnect.kube.rest import ANSWER_LIMIT, BrokenOff, Request, Rest

SEEN_AFTER = 0.001
"""Seconds until a cut connection is seen to be cut."""


class Body:
    """The whole of a successful answer."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def aread(self) -> bytes:
        return self._body


class DirectRest(Rest):
    """A `Rest` whose server is an object; watches go over its socket all the same."""

    def __init__(self, api: FakeApi) -> None:
        super().__init__(api.config())
        self._api = api

    @asynccontextmanager
    async def stream(
        self, request: Request, *, silence: float = ANSWER_LIMIT
    ) -> AsyncIterator[Any]:
        if "watch" in (request.params or ()):
            async with super().stream(request, silence=silence) as response:
                yield response
            return
        await asyncio.sleep(0)  # others have their turn, as they have while one waits for a socket
        answer = self._api.answered(_asked(request))
        if answer.cut:
            await asyncio.sleep(SEEN_AFTER)
            raise BrokenOff("the connection was closed")
        self.clock.heard(self._api.now or time.time())
        body = _bytes(answer)
        if answer.status >= 400:
            raise failure(answer.status, body, request.asked)
        yield Body(body)


def direct_cluster(api: FakeApi) -> Cluster:
    """A client of a fake API server that it shares its process with."""
    cluster = Cluster(api.config())
    cluster._rest = DirectRest(api)
    return cluster


def _asked(request: Request) -> Asked:
    headers = {"content-type": request.content_type}
    query = dict(request.params or {})
    return Asked(request.method, unquote(request.path), query, headers, request.body() or b"")


def _bytes(answer: Answer) -> bytes:
    return answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
