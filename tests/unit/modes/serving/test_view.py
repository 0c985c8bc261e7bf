from dataclasses import replace

import pytest
from tests.unit.modes.inbound import DNS, PLAN, WEB

from ktconnect.modes.serving.selftest import Arrivals
from ktconnect.modes.serving.view import Tally, call_ended, calls_now, led, status_now
from ktconnect.tunnel.answer import Answers, CallRecord
from ktconnect.tunnel.status import TunnelState, TunnelStatistics
from ktconnect.wire.call import Call
from ktconnect.wire.hello import AgentFacts
from ktconnect.wire.target import Target

HERE = Target("tcp", "127.0.0.1", 9000)
UP = TunnelStatistics(TunnelState.UP, "", 4, 2, 10, 20, 1, 0.001, 0.1)


def facts(origin, failed=0, alone=0.0):
    return AgentFacts(
        version="1", python="3", calls_to_origin=origin, calls_failed=failed, alone=alone
    )


def test_the_first_greeting_tells_nothing_of_the_time_before():
    tally = Tally()
    assert tally.greeted(facts(0, alone=3.0), 0) == ""
    assert tally.to_origin == 0


def test_what_happened_while_this_machine_was_away_is_told_once():
    tally = Tally()
    tally.greeted(facts(5), 5)
    told = tally.greeted(facts(318, alone=42.0), 7)
    assert told == "this machine was away for 42 s: 311 callers were served by the origin"
    assert tally.greeted(facts(318), 7) == ""
    assert tally.to_origin == 318


def test_a_moment_is_worth_a_word_only_if_somebody_called():
    tally = Tally()
    tally.greeted(facts(0), 0)
    assert tally.greeted(facts(0, alone=0.2), 0) == ""
    told = tally.greeted(facts(9, alone=0.2), 0)
    assert told == "this machine was away for a moment: 9 callers were served by the origin"


def test_callers_that_nobody_served_are_told_too():
    tally = Tally()
    tally.greeted(facts(0), 0)
    told = tally.greeted(facts(1, failed=2, alone=5.0), 0)
    assert told.endswith("1 caller was served by the origin, 2 callers were served by nobody")
    assert tally.failed == 2


def test_a_new_agent_counts_from_nought_and_nothing_is_lost():
    tally = Tally()
    tally.greeted(facts(10), 0)
    assert "2 callers were" in tally.greeted(facts(2, alone=0.5), 0)
    assert tally.to_origin == 12


async def test_a_session_is_up_only_if_callers_come_all_the_way():
    answers, tally = Answers({}), Tally()
    calls = calls_now(answers, tally)
    up = status_now(PLAN, UP, calls, "")
    assert (up.health, up.target, up.session) == ("up", "shop/web", "kt-exchange-web")
    assert up.calls is not None
    assert (up.calls.open, up.calls.total) == (0, 0)
    assert calls_now(answers, tally, Arrivals(), 3).older == 3
    broken = status_now(PLAN, UP, calls, "service shop/web was deleted")
    assert (broken.health, broken.reason) == ("down", "service shop/web was deleted")
    lost = replace(UP, state=TunnelState.STALLED, reason="no answer")
    assert status_now(PLAN, lost, calls, "x").reason == "no answer"


@pytest.mark.parametrize(
    ("caller", "text"), [("10.244.1.7", "10.244.1.7:41234"), ("fd00::7", "[fd00::7]:41234")]
)
def test_a_call_is_shown_by_the_port_of_the_service_that_it_came_to(caller, text):
    record = CallRecord(Call("tcp", 8080, caller, 41234), HERE, 0.12345678, 1, 2, "closed")
    call = call_ended(PLAN, record)
    assert (call.port, call.caller, call.target) == (80, text, "127.0.0.1:9000")
    assert (call.seconds, call.received, call.sent) == (0.1235, 1, 2)


def test_a_call_to_a_port_that_is_not_known_is_shown_by_the_pods():
    record = CallRecord(Call("udp", 9, "10.0.0.1", 1), HERE, 0, 0, 0, "idle")
    assert call_ended(PLAN, record).port == 9


def test_targets_and_ports_are_shown_for_a_person():
    assert led(WEB) == "port 80 (http) to http → 127.0.0.1:9000"
    assert led(DNS) == "port 53 to 5353/udp → 127.0.0.1:5300"
