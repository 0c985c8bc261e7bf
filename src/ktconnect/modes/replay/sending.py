"""One request to the program under test, on a connection of its own."""

import asyncio
import os
import socket
import ssl
import time
from contextlib import suppress

from ktconnect.groups import task_group
from ktconnect.traffic.asking import Asking, BadAnswer
from ktconnect.traffic.calling import Calling
from ktconnect.traffic.compare import status_of
from ktconnect.traffic.exchange import Answer, Exchange, Request
from ktconnect.traffic.grpc import STATUS, code_of, is_grpc
from ktconnect.wire.target import Target

from .spec import Place

CHUNK = 128 * 1024


async def send(place: Place, request: Request, limit: float) -> Exchange:
    """The request and its answer, or why there is none after ``limit`` seconds at most.

    Calls of gRPC are sent by HTTP/2, all else by HTTP/1.1, whatever it was that was recorded. They
    are answered only where it is said how they went: by a server of gRPC, whatever its status.
    Raises: UsageError for a request that can't be sent at all.
    """
    scheme = "https" if place.tls_grpc else "http"
    asking = Calling(request, scheme) if is_grpc(request.headers) else Asking(request)
    began, clock = time.time(), time.monotonic()
    answer, failure = None, ""
    try:
        async with asyncio.timeout(limit):
            answer = await _asked(place, asking)
        if is_grpc(request.headers) and not code_of(answer):
            failure = f"no answer of gRPC: {status_of(answer)} without {STATUS}"
    except TimeoutError:
        failure = f"no answer within {limit:g} s"
    except OSError as error:
        failure = why(error)
    except BadAnswer as error:
        failure = str(error)
    answered = None if failure else answer
    return Exchange(request, answered, began, time.monotonic() - clock, failure)


def why(error: OSError) -> str:
    """What the system says, in lower case: asyncio's own words tell where, which is known.

    A name with several addresses, none of which answers, has no error of the system's own.
    """
    if isinstance(error, socket.gaierror):
        return str(error.strerror).lower()  # its numbers are not the system's
    if error.errno:
        return os.strerror(error.errno).lower()
    return "no connection to any of its addresses"


async def _asked(place: Place, asking: Asking | Calling) -> Answer:
    """Raises: OSError, BadAnswer."""
    tls = place.tls_grpc if isinstance(asking, Calling) else place.tls
    reader, writer = await _open(place.target, tls)
    try:
        writer.write(asking.to_send)  # first, whatever has come already
        async with task_group() as tasks:
            sending = tasks.create_task(_drained(writer))
            while (answer := asking.heard(await reader.read(CHUNK))) is None:
                writer.write(asking.more())
            sending.cancel()  # who has answered need not hear the rest
    finally:
        writer.transport.abort()  # what it did not want to hear waits no longer
        with suppress(OSError):
            await writer.wait_closed()
    return answer


async def _drained(writer: asyncio.StreamWriter) -> None:
    """That the other side hears no more is no failure: its answer may be there already."""
    with suppress(ConnectionError):
        await writer.drain()


async def _open(
    target: Target, tls: ssl.SSLContext | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if target.kind == "unix":
        return await asyncio.open_unix_connection(target.host)
    return await asyncio.open_connection(target.host, target.port, ssl=tls)
