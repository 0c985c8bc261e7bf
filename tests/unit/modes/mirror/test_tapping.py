import asyncio
import json
import socket
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import pytest
from tests.unit.modes.answering import serving
from tests.unit.modes.inbound import in_shop
from tests.unit.modes.reporting import Remembering

from ktconnect.errors import TunnelClosed
from ktconnect.kube.podhttp import PodHttp
from ktconnect.modes.mirror import tapping
from ktconnect.modes.mirror.tapping import RouterPods, Tapping
from ktconnect.rules.match import parse_match
from ktconnect.rules.model import Share
from ktconnect.tunnel.socketpipe import SocketPipe

if TYPE_CHECKING:
    from ktconnect.traffic.exchange import Exchange

SHARE = Share("mirror", "s", "10.0.0.1", "m", "ann", "", (parse_match("method=GET"),), (80,))
TRACE = {
    "http_buffered_trace": {
        "request": {"headers": [{"key": ":path", "value": "/a"}, {"key": ":method", "value": "G"}]},
        "response": {"headers": [{"key": ":status", "value": "200"}]},
    }
}
BEGIN = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
TAKEN = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"


def chunk():
    text = json.dumps(TRACE, indent=1).encode() + b"\n"
    return b"%x\r\n%s\r\n" % (len(text), text)


class Here:
    """Routers that are servers of this machine."""

    def __init__(self):
        self.pods = {}
        self.failing = False

    async def ready(self):
        if self.failing:
            raise TunnelClosed("no answer")
        return list(self.pods)

    async def admin(self, pod):
        return self._admin(self.pods[pod])

    @asynccontextmanager
    async def _admin(self, target):
        loop = asyncio.get_running_loop()
        sock = socket.create_connection((target.host, target.port))
        sock.setblocking(False)
        http = PodHttp(SocketPipe(loop, sock), "localhost")
        try:
            yield http
        finally:
            http.close()


@pytest.fixture
def reporter():
    return Remembering()


@pytest.fixture
async def tap(reporter, monkeypatch):
    monkeypatch.setattr(tapping, "LOOK_AGAIN", 0.01)
    monkeypatch.setattr(tapping, "ASK_AGAIN", 0.01)
    found: asyncio.Queue[Exchange] = asyncio.Queue()
    tap = Tapping(Here(), found.put_nowait, reporter)
    async with asyncio.timeout(15), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(tap.run())
        yield tap, found
        task.cancel()


async def test_every_router_is_asked_for_what_the_share_wants(tap):
    tap, found = tap
    asked = []

    async def admin(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split()[0])
        asked.append((head.split()[1], json.loads(await reader.readexactly(length))))
        writer.write(BEGIN + chunk())
        await asyncio.Event().wait()

    async with serving(admin) as one, serving(admin) as two:
        tap._routers.pods |= {"one": one, "two": two}
        assert not tap.open.is_set()
        tap.begin(SHARE)
        seen = [await found.get(), await found.get()]
    assert [each.request.target for each in seen] == ["/a", "/a"]
    assert tap.open.is_set()
    path, body = asked[0]
    assert path == b"/tap"
    assert "http_request_headers_match" in json.dumps(body)


async def test_a_router_that_goes_is_asked_again_when_it_is_back(tap):
    tap, found = tap

    async def admin(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(BEGIN + chunk())
        await writer.drain()

    tap._routers.failing = True
    tap.begin(SHARE)
    async with serving(admin) as router:
        tap._routers.pods["one"] = router
        tap._routers.failing = False
        for _ in range(3):
            await found.get()


async def test_that_somebody_else_looks_is_said_once_and_waited_for(tap, reporter):
    tap, found = tap
    times = []

    async def admin(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        times.append(1)
        writer.write(TAKEN if len(times) < 3 else BEGIN + chunk())
        await writer.drain()
        with suppress(ConnectionError):
            await reader.read()

    async with serving(admin) as router:
        tap._routers.pods["one"] = router
        tap.begin(SHARE)
        await found.get()
    assert len(reporter.warnings) == 1
    assert "somebody else looks" in reporter.warnings[0][0]
    assert reporter.notes == ["the router shows its answers here from now on"]
    assert reporter.settled == [reporter.warnings[0][0]]


async def test_routers_are_found_by_their_name_and_asked_where_they_listen(monkeypatch):
    opened = []
    monkeypatch.setattr(tapping, "pod_http", lambda *where: opened.append(where[1:]))
    async with in_shop() as (api, cluster, _):
        for name, ready in (("one", "True"), ("two", "False")):
            api.put(router_pod(name, ready))
        files = {"bootstrap.json": json.dumps(admin_at(19901))}
        metadata = {"name": "web-kt-router", "namespace": "shop"}
        api.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": files})
        routers = RouterPods(cluster, "shop", "web")
        assert await routers.ready() == ["one"]
        await routers.admin("one")
    assert opened == [("shop", "one", 19901)]


def admin_at(port):
    return {"admin": {"address": {"socket_address": {"port_value": port}}}}


def router_pod(name, ready):
    metadata = {"name": name, "namespace": "shop", "labels": {"kt-session": "web-kt-router"}}
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {},
        "status": {**status, "podIP": "10.0.0.9"},
    }
