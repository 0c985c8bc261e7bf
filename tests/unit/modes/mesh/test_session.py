from typing import TYPE_CHECKING, cast

import pytest
from tests.unit.modes.inbound import in_shop, service
from tests.unit.modes.mesh.test_mode import asked

from ktconnect.modes.mesh import session as module
from ktconnect.modes.mesh.mode import prepare
from ktconnect.modes.serving.selftest import Unproven
from ktconnect.modes.serving.session import InboundSession

if TYPE_CHECKING:
    from ktconnect.modes.mesh.marked import Marked
    from ktconnect.modes.serving.line import Line


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))


class Proof:
    """Stands in for `marked.Marked`."""

    def __init__(self, outcome):
        self.outcome = outcome
        self.ended = 0

    def __call__(self, plan, matches, line, *, called):
        assert called == "a marked request"
        return self

    async def prove(self, seen):
        assert seen["metadata"]["name"] == "web"
        if isinstance(self.outcome, Unproven):
            raise self.outcome
        return self.outcome

    async def end(self):
        self.ended += 1


class NoLine:
    tunnel = arrivals = None


LINE = cast("Line", NoLine())


async def test_it_is_ready_with_its_mark_and_how_requests_are_told_apart():
    async with in_shop() as (_, cluster, reporter):
        ready = (await prepare(asked(), cluster, service(), reporter)).ready(0.0)
        assert ready.facts["mark"] == "ci"
        assert ready.facts["driver"] == "router"
        assert ready.banner == "Now you can access your service by header 'VERSION: ci'"
        assert any(line.startswith("by router: ") for line in ready.advice)


async def test_a_marked_request_is_the_proof(monkeypatch):
    async with in_shop() as (_, cluster, reporter):
        session = await prepare(asked(), cluster, service(), reporter)
        monkeypatch.setattr(module, "Marked", Proof("it came"))
        assert await session._prove(LINE, reporter) == "it came"
        assert reporter.steps == ["it came"]


async def test_without_one_a_connection_to_the_sessions_own_service_is(monkeypatch):
    async with in_shop() as (_, cluster, reporter):
        session = await prepare(asked(), cluster, service(), reporter)
        monkeypatch.setattr(module, "Marked", Proof(Unproven("no request", hint="send one")))
        tested = []

        async def connected(plan, found, tunnel, arrivals):
            tested.append(plan.service)
            if len(tested) > 1:
                raise Unproven("no connection")
            return "one came"

        monkeypatch.setattr(module, "self_test", connected)
        assert await session._prove(LINE, reporter) == "one came"
        assert tested == ["web-kt-mesh-ci"]
        assert reporter.warnings[-1] == ("no request", "send one")
        assert await session._prove(LINE, reporter) == ""
        assert reporter.warnings[-1] == ("no connection", "")


async def test_what_stands_between_callers_and_the_program_goes_with_the_session(monkeypatch):
    async with in_shop() as (_, cluster, reporter):
        session = await prepare(asked(), cluster, service(), reporter)
        proof = Proof("")
        session._marked = cast("Marked", proof)

        async def run(self, reporter):
            raise Unproven("over")

        monkeypatch.setattr(InboundSession, "run", run)
        with pytest.raises(Unproven):
            await session.run(reporter)
        assert proof.ended == 1
