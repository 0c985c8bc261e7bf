from typing import TYPE_CHECKING, cast

import pytest
from tests.unit.modes.exchange.test_mode import spec
from tests.unit.modes.inbound import in_shop, service

from ktconnect.modes.exchange import session as module
from ktconnect.modes.exchange.mode import prepare
from ktconnect.modes.exchange.session import ExchangeSession
from ktconnect.modes.serving.selftest import Unproven
from ktconnect.modes.serving.session import InboundSession
from ktconnect.rules.model import Match

if TYPE_CHECKING:
    from ktconnect.modes.serving.line import Line

LINE = cast("Line", None)
POD = "web-kt-exchange-abcde-1"
TCP = [{"name": "tcp-db", "port": 80, "targetPort": 8080}]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture(autouse=True)
def connected(monkeypatch):
    """What any other session does."""

    async def by_connection(self, line, reporter):
        return "a connection came"

    monkeypatch.setattr(InboundSession, "_prove", by_connection)


class Proof:
    """Stands in for `marked.Marked`."""

    def __init__(self, outcome):
        self.outcome = outcome
        self.ended = 0

    def __call__(self, plan, matches, line, *, called):
        assert (matches, called) == ((Match(),), "a request")
        return self

    async def prove(self, seen):
        assert seen["metadata"]["name"] == "web"
        if isinstance(self.outcome, Unproven):
            raise self.outcome
        return self.outcome

    async def end(self):
        self.ended += 1


async def planned(api, cluster, reporter, *containers, **given):
    session = await prepare(spec(), cluster, service(**given), reporter)
    assert isinstance(session, ExchangeSession)
    spec_ = {"containers": [{"name": name} for name in containers]}
    metadata = {"name": POD, "namespace": "shop"}
    api.put({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec_})
    session._facts = {"agent": POD}
    return session


async def test_with_a_sidecar_a_request_is_the_proof(monkeypatch):
    async with in_shop() as (api, cluster, reporter):
        session = await planned(api, cluster, reporter, "agent", "istio-proxy")
        monkeypatch.setattr(module, "Marked", Proof("it came"))
        assert await session._prove(LINE, reporter) == "it came"
        assert reporter.steps[-1] == "it came"


async def test_a_request_that_does_not_come_is_told_and_not_waited_for_twice(monkeypatch):
    async with in_shop() as (api, cluster, reporter):
        session = await planned(api, cluster, reporter, "agent", "istio-proxy")
        monkeypatch.setattr(module, "Marked", Proof(Unproven("none came", hint="send one")))
        assert await session._prove(LINE, reporter) == ""
        assert reporter.warnings[-1] == ("none came", "send one")


async def test_without_one_a_connection_is():
    async with in_shop() as (api, cluster, reporter):
        session = await planned(api, cluster, reporter, "agent")
        assert await session._prove(LINE, reporter) == "a connection came"


async def test_a_port_that_carries_no_requests_is_connected_to():
    async with in_shop(ports=TCP) as (api, cluster, reporter):
        session = await planned(api, cluster, reporter, "agent", "istio-proxy", ports=TCP)
        assert await session._prove(LINE, reporter) == "a connection came"


async def test_what_stands_between_callers_and_the_program_goes_with_the_session(monkeypatch):
    async with in_shop() as (api, cluster, reporter):
        session = await planned(api, cluster, reporter, "agent", "istio-proxy")
        monkeypatch.setattr(module, "Marked", proof := Proof("it came"))
        await session._prove(LINE, reporter)

        async def run(self, reporter):
            raise Unproven("over")

        monkeypatch.setattr(InboundSession, "run", run)
        with pytest.raises(Unproven):
            await session.run(reporter)
        assert proof.ended == 1
