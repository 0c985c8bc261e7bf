import asyncio
import socket
from contextlib import asynccontextmanager, closing

import pytest

from ktconnect.modes.checks import local as checks_local
from ktconnect.modes.checks.local import ALONE, COPIES, check_local
from ktconnect.objects.ports import PortMap
from ktconnect.wire.target import Target


def port(target, number=80):
    found = Target.parse(target) if target else None
    return PortMap("udp" if target.startswith("udp") else "tcp", number, 8080, target=found)


@asynccontextmanager
async def listening(host="127.0.0.1"):
    server = await asyncio.start_server(lambda _, writer: writer.close(), host, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def closed_port(host="127.0.0.1", kind=socket.SOCK_STREAM):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.socket(family, kind)) as sock:
        sock.bind((host, 0))
        return sock.getsockname()[1]


async def why(target, **flags):
    """What is said of a target; "" if it answers."""
    checked = await check_local([port(target)], **flags)
    return " ".join(finding.message for finding in checked.findings)


async def test_what_listens_is_fine():
    async with listening() as number:
        checked = await check_local([port(f"tcp:127.0.0.1:{number}"), port("")])
    assert checked.findings == ()
    assert checked.ports == (port(f"tcp:127.0.0.1:{number}"), port(""))


async def test_what_does_not_listen_is_refused_unless_skipped():
    target = f"tcp:127.0.0.1:{closed_port()}"
    [finding] = (await check_local([port(target)])).findings
    assert finding.level == "refuse"
    assert finding.message == f"{target[4:]}, which is to answer port 80: nothing listens there"
    assert finding.hint == "start your program, or use --skipPortChecking"
    [finding] = (await check_local([port(target)], skip=True)).findings
    assert finding.level == "warn"
    assert finding.hint == "until it listens, callers pass on to the original Pods"
    for meanwhile, purpose, fate in (
        (ALONE, "is to answer", "callers are turned away"),
        (COPIES, "is to get the copies of", "copies are dropped"),
    ):
        found = await check_local([port(target)], skip=True, meanwhile=meanwhile)
        [finding] = found.findings
        assert f"which {purpose} port 80:" in finding.message
        assert fate in finding.hint


async def test_one_place_for_several_ports_is_said_once():
    target = f"tcp:127.0.0.1:{closed_port()}"
    [finding] = (await check_local([port(target), port(target, 81)])).findings
    assert "which is to answer ports 80, 81:" in finding.message


async def test_a_process_on_ipv6_loopback_alone_is_found_there():
    async with listening("::1") as number:
        checked = await check_local([port(f"tcp:127.0.0.1:{number}")])
    assert checked.findings == ()
    assert [str(each.target) for each in checked.ports] == [f"tcp:[::1]:{number}"]


async def test_a_name_that_is_not_known_is_told():
    assert (await why("tcp:no-such-host.invalid:80")).endswith("its name is not known here")


async def test_a_target_that_never_answers_is_told(monkeypatch):
    monkeypatch.setattr(checks_local, "LIMIT", 0.05)
    with closing(socket.socket()) as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)  # one connection waits to be accepted, further ones are not answered
        where = full.getsockname()
        with closing(socket.create_connection(where)):
            assert "does not answer within 0.05 s" in await why(f"tcp:127.0.0.1:{where[1]}")


async def test_another_failure_is_told_in_the_systems_words():
    assert "network" in await why("tcp:255.255.255.255:80") or "permission" in await why(
        "tcp:255.255.255.255:80"
    )


async def test_a_unix_socket_must_be_there_and_listen(tmp_path):
    path = str(tmp_path / "app.sock")
    assert (
        await why(f"unix:{path}") == f"{path}, which is to answer port 80: there is no such socket"
    )
    async with await asyncio.start_unix_server(lambda _, writer: writer.close(), path):
        assert await why(f"unix:{path}") == ""
    left = str(tmp_path / "left.sock")
    with closing(socket.socket(socket.AF_UNIX)) as sock:
        sock.bind(left)
    assert (await why(f"unix:{left}")).endswith("nothing listens there")


@pytest.mark.parametrize("bound", ["127.0.0.1", "0.0.0.0"])
async def test_a_bound_socket_is_enough_for_udp(bound):
    with closing(socket.socket(type=socket.SOCK_DGRAM)) as sock:
        sock.bind((bound, 0))
        assert await why(f"udp:127.0.0.1:{sock.getsockname()[1]}") == ""


async def test_a_udp_socket_on_ipv6_loopback_alone_is_found_there():
    with closing(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)) as sock:
        sock.bind(("::1", 0))
        number = sock.getsockname()[1]
        [found] = (await check_local([port(f"udp:127.0.0.1:{number}")])).ports
        assert str(found.target) == f"udp:[::1]:{number}"
        assert await why(f"udp:[::1]:{number}") == ""


async def test_a_udp_port_that_nobody_has_is_refused():
    number = closed_port(kind=socket.SOCK_DGRAM)
    assert (await why(f"udp:127.0.0.1:{number}")).endswith("nothing listens there")


@pytest.mark.parametrize("target", ["udp:10.0.0.5:53", "udp:some.host:53"])
async def test_sockets_of_other_machines_can_not_be_looked_at(target):
    assert await why(target) == ""


async def test_a_system_without_proc_is_not_asked(tmp_path):
    assert await why("udp:127.0.0.1:53", proc=tmp_path) == ""
