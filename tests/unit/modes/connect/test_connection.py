import asyncio
from dataclasses import replace
from types import SimpleNamespace

import pytest
from tests.unit.modes.connecting import SPEC, VIEW, in_cluster
from tests.unit.tunnel.ends import TOKEN, connect, running_agent, serving, until

from ktconnect.errors import TunnelClosed
from ktconnect.modes.connect.connection import Connection, advice, with_agent
from ktconnect.modes.connect.mode import look_at_cluster
from ktconnect.wire.hello import AgentFacts


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))


def agent_on(port):
    async def nothing(*_):
        await asyncio.sleep(0)

    async def open_pipe():
        return await connect(port)

    session = SimpleNamespace(name="kt-connect-shadow-abcde")
    return SimpleNamespace(
        open_pipe=open_pipe,
        patience=lambda forward: forward,
        revive=nothing,
        keep_alive=nothing,
        token=TOKEN,
        session=session,
    )


async def fetch(host, port, via):
    reader, writer = await asyncio.open_connection(*via)
    writer.write(f"CONNECT {host}:{port} HTTP/1.1\r\n\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"ping")
    answer = await reader.read(100)
    writer.close()
    await writer.wait_closed()
    return answer


async def echo(reader, writer):
    writer.write(await reader.read(100))
    await writer.drain()
    await reader.read()


async def test_a_connection_carries_what_comes_through_the_proxy_and_shows_its_state():
    async with in_cluster() as (_, cluster, reporter):
        view = await look_at_cluster(SPEC, cluster, reporter)
        view = replace(view, spec=replace(SPEC, include=()))
        with running_agent() as port:
            connection = Connection(view, cluster, agent_on(port), None, reporter)
            async with serving(echo) as target, asyncio.TaskGroup() as tasks:
                running = tasks.create_task(connection.run(0.0))
                async with asyncio.timeout(5):
                    ready = await reporter.next_ready.get()
                    host, _, port_text = ready.facts["proxy"].rpartition(":")
                    assert await fetch(target.host, target.port, (host, port_text)) == b"ping"
                running.cancel()
    assert ready.mode == "connect"
    assert "down" not in {state.health for state in reporter.states}
    assert "up" in {state.health for state in reporter.states}


async def test_a_cluster_that_cannot_be_followed_any_more_does_not_end_the_connection():
    async with in_cluster() as (api, cluster, reporter):
        with running_agent() as port:
            connection = Connection(VIEW, cluster, agent_on(port), None, reporter)
            async with asyncio.TaskGroup() as tasks:
                running = tasks.create_task(connection.run(0.0))
                async with asyncio.timeout(5):
                    await reporter.next_ready.get()
                    api.token = "only this one from now on"
                    before = len(api.asked)
                    api.drop_connections()
                    await until(lambda: len(api.asked) > before)
                await asyncio.sleep(0.1)
                assert not running.done()
                running.cancel()


async def test_an_agent_that_cannot_be_reached_is_told_after_the_time_allowed():
    async with in_cluster() as (_, cluster, reporter):
        connection = Connection(VIEW, cluster, agent_on(1), None, reporter)
        with pytest.raises(TunnelClosed, match="can't be reached"):
            await connection.run(0.0)


def test_the_pods_own_search_list_names_the_clusters_domain():
    text = "search demo.svc.corp.k8s svc.corp.k8s corp.k8s\nnameserver 10.96.0.10\n"
    facts = AgentFacts(version="1", python="3.12", resolv_conf=text)
    assert with_agent(VIEW, facts).domain == "corp.k8s"
    assert with_agent(VIEW, replace(facts, resolv_conf="")).domain == "cluster.local"


def test_the_proxy_is_explained_to_those_who_need_it():
    assert "http_proxy=http://127.0.0.1:2223" in advice({"proxy": "127.0.0.1:2223"})[0]
    assert advice({"tun": "kt0"}) == ()
