import asyncio
import socket
from typing import Any

import pytest
from tests.unit.modes.reporting import Remembering

from ktconnect.errors import TunnelClosed
from ktconnect.modes.forward.choose import Nowhere
from ktconnect.modes.forward.goal import parse_goals
from ktconnect.modes.forward.local import LocalPort, Tried
from ktconnect.modes.forward.ports import Remote
from ktconnect.wire.target import Target


class Lead:
    def __init__(self):
        self.is_gone = False

    def target(self, remote):
        if self.is_gone:
            raise Nowhere("nobody there")
        return Target(remote.protocol, "10.0.0.1", remote.number)


class Tunnel:
    """Takes what it is given, and says where it should go."""

    def __init__(self, failure=None):
        self.failure = failure

    async def reach(self, target):
        await asyncio.sleep(0)
        if self.failure:
            raise self.failure
        return 0.0123

    def join(self, sock, target):
        sock.sendall(str(target).encode())
        sock.close()

    def open_datagrams(self, target, events):
        events.datagram_received(str(target).encode())
        return self

    def send(self, _):
        return True

    def close(self):
        """Nothing."""


async def everything(host, port):
    reader, writer = await asyncio.open_connection(host, port)
    try:
        return await reader.read()
    finally:
        writer.close()


def local_port(text="web 0:80", protocol="tcp"):
    [goal] = parse_goals(text.split())
    lead: Any = Lead()
    return LocalPort(goal, Remote(protocol, 80, 0, "", "80"), lead)


async def test_a_connection_goes_where_the_lead_says():
    port = local_port()
    port.bind(("127.0.0.1",))
    port.open(Tunnel())
    reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
    assert await reader.read() == b"tcp:10.0.0.1:80"
    writer.close()
    assert port.described == f"127.0.0.1:{port.number} -> service/web:80"
    assert (
        port.banner == f"Now you can access port 80 of service 'web' via 'localhost:{port.number}'"
    )
    port.close()
    port.close()


async def test_a_connection_that_leads_nowhere_is_reset():
    port = local_port()
    port.bind(("127.0.0.1",))
    port.open(Tunnel())
    port._lead.is_gone = True
    with pytest.raises(ConnectionResetError):  # as early as from connecting, or when it reads
        await everything("127.0.0.1", port.number)
    port.close()


async def test_datagrams_go_there_too():
    port = local_port(protocol="udp")
    port.bind(("127.0.0.1", "::1"))
    port.open(Tunnel())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.connect(("127.0.0.1", port.number))
        sock.send(b"x")
        async with asyncio.timeout(5):
            assert await asyncio.get_running_loop().sock_recv(sock, 99) == b"udp:10.0.0.1:80"
    port.close()


async def test_what_a_first_connection_meets_is_told():
    reporter = Remembering()
    seen = await local_port().tried(Tunnel(), reporter)
    assert seen == Tried("service/web:80 answers in 12 ms")
    udp = await local_port(protocol="udp").tried(Tunnel(), reporter)
    assert udp == Tried("service/web:80/udp has a route, UDP tells no more")
    assert reporter.warnings == []
    lost = Tunnel(TunnelClosed("the tunnel was lost"))
    seen = await local_port("[fd00::1]:80").tried(lost, reporter)
    assert seen == Tried("[fd00::1]:80 does not answer", good=False)
    assert "the tunnel was lost" in reporter.warnings[0][0]


async def test_a_host_is_called_by_its_name():
    port = local_port("db.corp:80")
    port.number = 5
    assert port.banner == "Now you can access port 80 of 'db.corp' via 'localhost:5'"
