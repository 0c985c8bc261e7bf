import asyncio
import socket
import struct

import pytest
from tests.unit.agent.calling import call, saying
from tests.unit.modes.shop import shop
from tests.unit.tunnel.ends import free_port, until

from ktconnect.modes.serving import line as serving_line
from ktconnect.modes.serving import selftest
from ktconnect.modes.serving import session as serving_session
from ktconnect.modes.serving import undo as serving_undo
from ktconnect.modes.serving.spec import ServingSpec
from ktconnect.wire.target import Target


@pytest.fixture(autouse=True)
def brief(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(serving_line, "LOOK_AGAIN", 0.02)
    monkeypatch.setattr(serving_line, "LOST_AFTER", 0.1)
    monkeypatch.setattr(serving_undo, "PROXIES", 0.01)
    monkeypatch.setattr(serving_undo, "LEFT_WITHIN", 0.1)
    monkeypatch.setattr(selftest, "WITHIN", 0.1)


async def test_a_tunnel_that_stays_away_means_that_the_agent_is_lost_though_its_pod_is_there(
    monkeypatch,
):
    async with shop(monkeypatch) as place, saying(b"laptop") as here:
        session = place.session(here)
        async with place.serving(session):
            line = session._line
            assert line is not None
            session.shadow.stop()
            async with asyncio.timeout(5):
                await line.when_lost()
            session.shadow.start()
            async with asyncio.timeout(5):
                await line.when_up()


async def test_an_agent_that_is_taken_away_was_not_lost_and_is_not_revived(monkeypatch):
    async with shop(monkeypatch) as place, saying(b"laptop") as here:
        session = place.session(here)
        async with place.serving(session):
            line = session._line
            assert line is not None
            line.wind_up()
            session.shadow.stop()
            await until(lambda: not line.is_up)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await line.when_lost()
            assert line.tunnel.on_unreachable is None


async def test_the_addresses_of_all_its_agents_are_remembered(monkeypatch):
    async with shop(monkeypatch) as place, saying(b"laptop") as here:
        session = place.session(here)
        async with place.serving(session):
            assert session._line is not None
            assert session._line.addresses == {"10.0.0.1"}


async def test_a_program_that_is_gone_is_told_of_and_so_is_its_return(monkeypatch):
    monkeypatch.setattr(serving_session, "STATUS_SECONDS", 0.02)
    target = Target("tcp", "127.0.0.1", free_port())
    async with shop(monkeypatch) as place:
        session, told = place.session(target), place.reporter
        async with place.serving(session):
            port = session.plan.ports[0].pod_port
            for _ in range(2):
                assert await call(port) == b"origin:?"
            where = f"127.0.0.1:{target.port}"
            await until(lambda: told.states[-1].silent == (where,))
            assert told.states[-1].reason == f"nothing listens on {where}"
            assert told.states[-1].health == "up"
            async with await asyncio.start_server(laptop, target.host, target.port):
                await until(lambda: told.notes)
                assert await call(port) == b"laptop:?"
                await until(lambda: told.states[-1].silent == ())
    fates = [hint for message, hint in told.warnings if message == f"nothing listens on {where}"]
    assert fates == ["callers get the original's answers until a program does"]
    assert told.notes == [f"a program listens on {where}: calls come to it"]


async def test_a_call_of_the_self_test_is_neither_shown_nor_counted(monkeypatch):
    async with shop(monkeypatch) as place, saying(b"laptop") as here:
        session, told = place.session(here, ServingSpec(log=True)), place.reporter
        async with place.serving(session):
            line = session._line
            assert line is not None
            port = session.plan.ports[0]
            for waited_for in (True, False):
                if waited_for:
                    line.arrivals.next(port)
                _, writer = await asyncio.open_connection("127.0.0.1", port.pod_port)
                await until(lambda: line.answers.running() and line.answers.running()[0].accepted)
                calls = line.status("").calls
                assert calls is not None
                assert (calls.open, calls.total) == ((0, 0) if waited_for else (1, 1))
                reset = struct.pack("ii", 1, 0)
                sock = writer.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
                writer.transport.abort()
                await until(lambda: not line.answers.running())
            calls = line.status("").calls
            assert calls is not None
            assert (calls.open, calls.total) == (0, 1)
        assert len(told.calls) == 1


async def laptop(reader, writer):
    writer.write(b"laptop:" + await reader.read())
    writer.close()
