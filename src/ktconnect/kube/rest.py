"""One HTTP request to the API server and its answer; httpx2 is used here and nowhere else."""

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from ktconnect.errors import KtError, Unreachable

from .clock import ServerClock
from .config import KubeConfig
from .credentials import Credentials
from .failures import Asked, TooMany, Unauthorized, failure
from .reach import unreachable
from .trust import tls_context

CONNECT_LIMIT = 5.0
ANSWER_LIMIT = 30.0
TRIES = 4
LONGEST_PAUSE = 10.0

LIMITS = httpx2.Limits(max_connections=200, max_keepalive_connections=20, keepalive_expiry=60)

Content = Mapping[str, Any] | list[Any]


@dataclass(frozen=True, slots=True)
class Request:
    """A request as data: what is asked in RBAC's words, and how it is put in HTTP."""

    method: str
    path: str
    asked: Asked
    params: Mapping[str, str] | None = None
    content: Content | None = None
    content_type: str = "application/json"

    def body(self) -> bytes | None:
        return None if self.content is None else json.dumps(self.content).encode()


@dataclass(frozen=True, slots=True)
class Way:
    """The server, the headers that say who we are, and the TLS to use (None: plain)."""

    config: KubeConfig
    headers: list[tuple[str, str]] = field(repr=False)
    tls: ssl.SSLContext | None


class BrokenOff(Unreachable):
    """An open connection was closed in the middle, or a kept one before it answered."""


@dataclass(slots=True)
class Pool:
    """The connections that were made with one certificate, and how many requests use them."""

    client: httpx2.AsyncClient
    certificate: tuple[str, str]
    busy: int = 0


class Rest:
    """HTTP to one API server over a pool of connections.

    Closes: itself on ``aclose()``; errors of the HTTP library never leave it.
    """

    def __init__(self, config: KubeConfig, credentials: Credentials | None = None) -> None:
        self.config = config
        self.credentials = credentials or Credentials(config)
        self.clock = ServerClock()
        self._pool: Pool | None = None
        self._retired: list[Pool] = []

    async def aclose(self) -> None:
        pools, self._retired = [*self._retired, self._pool], []
        self._pool = None
        for pool in pools:
            if pool is not None:
                await pool.client.aclose()

    async def send(self, request: Request) -> bytes:
        """The body of a successful answer.

        Comes back later when the server is busy, and once with fresh credentials after a 401.

        Raises: Unreachable, Unauthorized, Forbidden, NotFound, Conflict, Refused.
        """
        renewed = False
        for attempt in range(1, TRIES + 1):
            try:
                async with self.stream(request) as response:
                    return await response.aread()
            except TooMany as busy:
                if attempt == TRIES or busy.after > LONGEST_PAUSE:
                    raise
                await asyncio.sleep(busy.after)
            except Unauthorized:
                if renewed or not self.credentials.forget():
                    raise
                renewed = True
            except BrokenOff:
                if attempt == TRIES or request.method != "GET":
                    raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    @asynccontextmanager
    async def stream(
        self, request: Request, *, silence: float = ANSWER_LIMIT
    ) -> AsyncIterator[httpx2.Response]:
        """A successful answer whose body is still to be read; ``silence``: seconds without a byte.

        Raises: as `send`; also when the body breaks off while it is read.
        """
        async with self._borrowed() as client:
            outgoing = await self._outgoing(client, request, silence)
            try:
                response = await client.send(outgoing, stream=True)
                try:
                    self.clock.heard(_date(response))
                    if response.status_code >= 400:
                        raise await _refusal(response, request.asked)
                    yield response
                finally:
                    await response.aclose()
            except httpx2.HTTPError as error:
                raise _translated(error, self.config) from error

    async def way(self) -> Way:
        """What another protocol needs to reach the same server as the same user."""
        certificate = await self.credentials.certificate()
        headers = await self.credentials.headers()
        return Way(self.config, headers, tls_context(self.config, certificate))

    async def _outgoing(
        self, client: httpx2.AsyncClient, request: Request, silence: float
    ) -> httpx2.Request:
        headers = [("Accept", "application/json"), *await self.credentials.headers()]
        if request.content is not None:
            headers.append(("Content-Type", request.content_type))
        extensions: dict[str, Any] = {}
        if self.config.tls_server_name:
            extensions["sni_hostname"] = self.config.tls_server_name
        return client.build_request(
            request.method,
            self.config.server + request.path,
            params=request.params,
            content=request.body(),
            headers=headers,
            timeout=httpx2.Timeout(silence, connect=CONNECT_LIMIT, pool=CONNECT_LIMIT),
            extensions=extensions,
        )

    @asynccontextmanager
    async def _borrowed(self) -> AsyncIterator[httpx2.AsyncClient]:
        """The connections to use now; retired ones are closed by the last who uses them."""
        pool = await self._ready()
        pool.busy += 1
        try:
            yield pool.client
        finally:
            pool.busy -= 1
            await self._close_retired()

    async def _ready(self) -> Pool:
        """The connections, made anew when a plugin came up with another certificate."""
        certificate = await self.credentials.certificate()
        if self._pool is None or certificate != self._pool.certificate:
            if self._pool is not None:
                self._retired.append(self._pool)
            self._pool = Pool(_client(self.config, certificate), certificate)
            await self._close_retired()
        return self._pool

    async def _close_retired(self) -> None:
        idle = [pool for pool in self._retired if not pool.busy]
        self._retired = [pool for pool in self._retired if pool.busy]
        for pool in idle:
            await pool.client.aclose()


def _client(config: KubeConfig, certificate: tuple[str, str]) -> httpx2.AsyncClient:
    context = tls_context(config, certificate)
    transport = httpx2.AsyncHTTPTransport(
        verify=context if context is not None else False,
        limits=LIMITS,
        proxy=httpx2.Proxy(config.proxy_url) if config.proxy_url else None,
        trust_env=False,
        socket_options=_keep_alive(),
    )
    return httpx2.AsyncClient(transport=transport, trust_env=False)


def _keep_alive() -> list[tuple[int, int, int]]:
    """A watch may be silent for minutes: let the kernel find out that the way is cut."""
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    for name, seconds in (("TCP_KEEPIDLE", 5), ("TCP_KEEPINTVL", 3), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):
            options.append((socket.IPPROTO_TCP, getattr(socket, name), seconds))
    return options


def _date(response: httpx2.Response) -> float:
    try:
        return parsedate_to_datetime(response.headers["Date"]).timestamp()
    except (KeyError, ValueError):
        return 0.0


async def _refusal(response: httpx2.Response, asked: Asked) -> KtError:
    retry_after = response.headers.get("Retry-After", "")
    return failure(response.status_code, await response.aread(), asked, retry_after=retry_after)


def _translated(error: httpx2.HTTPError, config: KubeConfig) -> KtError:
    if isinstance(error, httpx2.ProxyError):
        return unreachable(config, error, "can't be reached through its proxy")
    if isinstance(error, httpx2.ConnectTimeout):
        return unreachable(config, error, f"accepted no connection within {CONNECT_LIMIT:g} s")
    if isinstance(error, httpx2.TimeoutException):
        return unreachable(config, error, "did not answer in time")
    broken = isinstance(error, httpx2.RemoteProtocolError | httpx2.ReadError | httpx2.WriteError)
    told = unreachable(config, error, "closed the connection" if broken else "can't be reached")
    return BrokenOff(str(told), hint=told.hint) if broken else told
