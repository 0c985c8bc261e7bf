import asyncio
from dataclasses import replace

import pytest
from tests.unit.modes.inbound import PLAN, service

from ktconnect.modes.mesh import marked as module
from ktconnect.modes.mesh.marked import Marked
from ktconnect.modes.serving.selftest import Unproven
from ktconnect.objects.ports import PortMap
from ktconnect.rules.match import parse_match
from ktconnect.rules.model import Share
from ktconnect.wire.target import Target

SHARE = Share("mesh", "web-kt-mesh-ci", "10.96.1.2", "ci", "ann", "", (), (80,))


class Line:
    """Calls that the router leads here are calls to ``target``, or to whoever stands before it."""

    def __init__(self, target):
        self.target = target
        self.answers = self.tunnel = self
        self.here = True
        self.asked = []

    def lead(self, port, target):
        self.target = target

    def join(self, sock, target):
        """A router in the place of the Service."""
        self.asked.append(str(target))
        asyncio.get_running_loop().create_task(self._route(sock))

    async def _route(self, sock):
        reader, writer = await asyncio.open_connection(sock=sock)
        head = await reader.readuntil(b"\r\n\r\n")
        if self.here:
            there, to_there = await asyncio.open_connection(self.target.host, self.target.port)
            to_there.write(head)
            answer = await there.read()
            answer = answer.replace(b"\r\n", b"\r\nx-kt-served-by: ci\r\n", 1)
            to_there.close()
        else:
            answer = b"HTTP/1.1 200 OK\r\nx-kt-served-by: origin\r\ncontent-length: 0\r\n\r\n"
        writer.write(answer)
        writer.close()
        self.here = True


def proof(line, *matches, ports=None):
    share = replace(SHARE, matches=tuple(map(parse_match, matches or ("header:version=ci",))))
    return Marked(replace(PLAN, ports=ports or PLAN.ports), share.matches, line)


async def test_a_marked_request_is_sent_until_it_comes_here_and_the_program_never_sees_it():
    calls = []
    server = await asyncio.start_server(lambda *ends: calls.append(ends), "127.0.0.1", 0)
    async with server:
        target = Target("tcp", "127.0.0.1", server.sockets[0].getsockname()[1])
        line = Line(target)
        line.here = False  # the nodes don't know yet
        ports = (replace(PLAN.ports[0], target=target),)
        found = proof(line, ports=ports)
        told = await found.prove(service())
        assert "A marked request to service shop/web was answered here in" in told
        assert told.endswith("x-kt-served-by: ci")
        assert line.asked == ["tcp:10.96.0.7:80", "tcp:10.96.0.7:80"]
        assert line.target == target
        await found.end()
    assert calls == []


async def test_that_it_goes_elsewhere_is_told_with_who_answered(monkeypatch):
    monkeypatch.setattr(module, "WITHIN", 0.05)
    line = Line(Target("tcp", "127.0.0.1", 1))
    line.here = False
    with pytest.raises(Unproven, match="origin answered, with status 200") as caught:
        await proof(line).prove(service())
    assert "ktctl explain web -n shop" in caught.value.hint


@pytest.mark.parametrize(
    ("matches", "manifest", "says"),
    [
        (("method=POST",), service(), "no request could be made up"),
        ((), None, "no address"),
        ((), service(clusterIP="None"), "no address"),
        ((), service(ports=[{"name": "grpc", "port": 80}]), "is HTTP/1.1"),
    ],
)
async def test_where_none_can_be_sent_the_reason_is_told(matches, manifest, says):
    with pytest.raises(Unproven, match=says):
        await proof(Line(Target("tcp", "127.0.0.1", 1)), *matches).prove(manifest)


async def test_ports_that_do_not_come_here_are_not_asked():
    other = (PortMap("tcp", 80, 8080),)
    with pytest.raises(Unproven, match="that comes here"):
        await proof(Line(Target("tcp", "127.0.0.1", 1)), ports=other).prove(service())
