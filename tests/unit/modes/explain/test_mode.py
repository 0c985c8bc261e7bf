import asyncio

import pytest
from tests.unit.modes.explain.seeing import service, shared, spec
from tests.unit.modes.shop import LocalShadow

from ktconnect.errors import Forbidden, UsageError
from ktconnect.modes.explain import probe
from ktconnect.modes.explain.mode import run


@pytest.fixture(autouse=True)
def local(monkeypatch):
    """The agent runs in this process."""
    monkeypatch.setattr(probe, "Shadow", LocalShadow)
    yield
    while LocalShadow.running:
        LocalShadow.running.pop().stop()


async def test_a_marked_request_is_explained_from_what_is_in_the_cluster():
    async with shared() as (_, cluster, reporter):
        explained = await run(spec(headers=("VERSION: ci",)), cluster, reporter)
        other = await run(spec("web-kt-origin", headers=()), cluster, reporter)
    assert explained.explanation.answer.user == "ann@laptop"
    assert (explained.service, explained.port, explained.outcome) == ("web", 80, None)
    assert other.service == "web"


async def test_a_call_of_grpc_is_explained_on_its_own_port():
    async with shared() as (api, cluster, reporter):
        ports = [{"name": "http", "port": 80}, {"name": "grpc", "port": 9000}]
        api.put(service("poly", ports=ports))
        explained = await run(spec("poly", grpc="a.B/C"), cluster, reporter)
    assert explained.port == 9000


async def test_a_service_that_is_not_there_is_refused():
    async with shared() as (_, cluster, reporter):
        with pytest.raises(UsageError, match="no Service wob"):
            await run(spec("wob"), cluster, reporter)


async def answer(reader, writer):
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    who = "ci" if "version: ci" in head else "origin"
    writer.write(f"HTTP/1.1 200 OK\r\nx-kt-served-by: {who}\r\ncontent-length: 0\r\n\r\n".encode())
    await writer.drain()
    writer.close()


async def live(api, cluster, reporter, talk=answer, **asked):
    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    number = server.sockets[0].getsockname()[1]
    ports = [{"name": "http", "port": number, "targetPort": "http"}]
    web = service("web", {"app": "web-kt-router"}, ports=ports, clusterIP="127.0.0.1")
    api.put({**web, "metadata": {**web["metadata"], "namespace": "shop"}})
    note = api.objects["v1/Service", "shop", "web-kt-mesh-ci"]["metadata"]["annotations"]
    note["kt-route"] = note["kt-route"].replace("[80]", f"[{number}]")
    async with server:
        explained = await run(spec(live=True, **asked), cluster, reporter)
    assert explained.outcome is not None
    return explained.outcome


async def test_live_sends_it_and_compares():
    async with shared() as (api, cluster, reporter):
        marked = await live(api, cluster, reporter, headers=("VERSION: ci",))
        plain = await live(api, cluster, reporter)
    assert (marked.status, marked.served_by, marked.as_explained) == (200, "ci", True)
    assert (plain.served_by, plain.as_explained) == ("origin", True)


async def test_live_leaves_nothing_behind_even_if_nobody_answers():
    async def hang_up(_, writer):
        writer.transport.abort()

    async with shared() as (api, cluster, reporter):
        before = set(api.objects)
        outcome = await live(api, cluster, reporter, hang_up)
        assert set(api.objects) == before
    assert outcome.as_explained is False
    assert outcome.failure


async def test_live_needs_rights_and_says_which():
    async with shared() as (api, cluster, reporter):
        api.denied = {("create", "leases", "shop")}
        with pytest.raises(Forbidden, match="create leases"):
            await live(api, cluster, reporter)
