import errno
from dataclasses import replace

import pytest
from tests.unit.modes.inbound import DNS, HERE, PLAN, WEB, Asked, service

from ktconnect.modes.serving import selftest
from ktconnect.modes.serving.selftest import Arrivals, Unproven, milliseconds, self_test
from ktconnect.tunnel.answer import CallRecord
from ktconnect.tunnel.reach import NotReached
from ktconnect.wire.call import Call

CALL = "tcp:8080:10.244.1.9:40000"


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(selftest, "WITHIN", 0.2)


async def test_a_call_that_comes_back_is_proof():
    arrivals = Arrivals()
    tunnel = Asked(["tcp:10.96.0.7:80"], then=lambda: arrivals.heard(CALL))
    said = await self_test(PLAN, service(), tunnel, arrivals)
    assert said.startswith("A connection through service shop/web reached this machine in ")


async def test_a_call_to_another_port_proves_nothing():
    arrivals = Arrivals()

    class Elsewhere(Asked):
        async def reach(self, target, limit=1.0, hold=None):
            arrivals.heard("tcp:9:10.244.1.9:1")
            raise NotReached(target, errno.ETIMEDOUT)

    tunnel = Elsewhere()
    with pytest.raises(Unproven, match="no connection of the agent itself came back"):
        await self_test(PLAN, service(), tunnel, arrivals)


async def test_a_service_that_refuses_is_asked_again_until_it_is_given_up():
    tunnel = Asked()
    with pytest.raises(Unproven, match="connection refused") as caught:
        await self_test(PLAN, service(), tunnel, Arrivals())
    assert len(tunnel.asked) > 1
    assert "call it from another Pod" in caught.value.hint


@pytest.mark.parametrize(
    ("plan", "found", "told"),
    [
        (PLAN, None, "is gone"),
        (replace(PLAN, ports=(DNS,)), service(), "only UDP"),
        (PLAN, service(clusterIP="None"), "headless"),
    ],
)
async def test_what_cant_be_proven_is_said_honestly(plan, found, told):
    tunnel = Asked()
    with pytest.raises(Unproven, match=told):
        await self_test(plan, found, tunnel, Arrivals())
    assert tunnel.asked == []


async def test_calls_that_nobody_waits_for_are_no_trouble():
    arrivals = Arrivals()
    arrivals.heard(CALL)
    waiting = arrivals.next(WEB)
    arrivals.heard(CALL)
    arrivals.heard(CALL)
    assert waiting.done()
    arrivals.forget(WEB)
    arrivals.forget(WEB)


async def test_only_a_call_that_was_waited_for_and_said_nothing_is_the_tests_own():
    arrivals = Arrivals()
    record = CallRecord(Call.parse(CALL), HERE, 0.1, 0, 0, "", accepted=True)
    assert not arrivals.is_own(record)
    for said, own in (
        (record, True),
        (replace(record, sent=9), True),  # some programs speak first
        (replace(record, received=1), False),
        (replace(record, taken=True), False),
        (replace(record, accepted=False, refusal="connection refused"), False),
    ):
        arrivals.next(WEB)
        arrivals.heard(CALL)
        assert arrivals.is_own(said) is (not said.received)
        assert arrivals.ended(said) is own
        assert not arrivals.ended(said)  # its address may be another's next
    assert arrivals.own_accepted == 2


def test_short_times_are_shown_with_a_digit_more():
    assert milliseconds(0.0042) == "4.2 ms"
    assert milliseconds(0.042) == "42 ms"
