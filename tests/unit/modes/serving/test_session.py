import asyncio

import pytest
from tests.unit.agent.calling import call, saying
from tests.unit.modes.inbound import AGENT, SERVICE, selector
from tests.unit.modes.shop import shop
from tests.unit.tunnel.ends import free_port, until

from ktconnect.errors import Conflict, KtError, Refused
from ktconnect.modes.serving import line as serving_line
from ktconnect.modes.serving import selftest
from ktconnect.modes.serving import session as serving
from ktconnect.modes.serving import undo as serving_undo
from ktconnect.modes.serving.spec import ServingSpec
from ktconnect.objects.session import LEASE, Session
from ktconnect.sessions.holders import Taken
from ktconnect.sessions.lease import SessionLease
from ktconnect.wire.target import Target

LEASE_KEY = (LEASE, "shop", "kt-exchange-web")


@pytest.fixture(autouse=True)
def brief(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(selftest, "WITHIN", 0.1)
    monkeypatch.setattr(selftest, "ONE_TRY", 0.05)
    monkeypatch.setattr(serving, "AGAIN", 0.02)
    monkeypatch.setattr(serving, "STATUS_SECONDS", 0.02)
    monkeypatch.setattr(serving_line, "LOOK_AGAIN", 0.02)
    monkeypatch.setattr(serving_line, "LOST_AFTER", 0.1)
    monkeypatch.setattr(serving_undo, "PROXIES", 0.01)
    monkeypatch.setattr(serving_undo, "DRAIN", 0.2)


def of(session):
    """The port that callers come to."""
    return session.plan.ports[0].pod_port


async def test_callers_come_here_while_it_runs_and_all_is_as_before_afterwards(monkeypatch):
    async with shop(monkeypatch) as place, saying(b"laptop") as here:
        before = set(place.api.objects)
        session = place.session(here, ServingSpec(log=True))
        async with place.serving(session):
            assert selector(place.api) == {"app": AGENT}
            assert await call(of(session), b"hello") == b"laptop:hello"
            await until(lambda: place.reporter.calls)
        assert selector(place.api) == {"app": "web"}
        assert set(place.api.objects) == before
    ended = place.reporter.calls[0]
    assert (ended.service, ended.port, ended.ended) == ("shop/web", 80, "closed")
    assert (ended.received, ended.sent) == (5, 12)
    assert "Nothing of ours is left for shop/web" in place.reporter.steps


async def test_it_is_ready_with_what_kt_connect_says_and_where_ports_lead(monkeypatch):
    async with shop(monkeypatch) as place, saying(b"laptop") as here:
        session = place.session(here)
        async with place.serving(session):
            ready = session.ready(0.0)
            await until(lambda: place.reporter.states)
    assert ready.banner == "Now all request to service 'web' will be redirected to local"
    assert ready.facts["ports"] == [f"port 80 (http) to http → 127.0.0.1:{here.port}"]
    assert "open before" in ready.advice[-1]
    state = place.reporter.states[0]
    assert (state.health, state.target) == ("up", "shop/web")


async def test_without_the_log_calls_are_counted_and_not_told(monkeypatch):
    async with shop(monkeypatch) as place, saying(b"laptop") as here:
        session = place.session(here)
        async with place.serving(session):
            await call(of(session))
            await until(lambda: place.reporter.states[-1].calls.total == 1)
    assert place.reporter.calls == []


async def test_that_no_call_came_back_is_said_and_no_reason_to_give_up(monkeypatch):
    async with shop(monkeypatch) as place, saying(b"laptop") as here:
        async with place.serving(place.session(here)):
            pass
    assert "came back through service shop/web" in place.reporter.warnings[0][0]


async def test_when_the_agent_is_lost_callers_go_past_it_and_come_back_with_it(monkeypatch):
    async with shop(monkeypatch) as place, saying(b"laptop") as here:
        session = place.session(here)
        async with place.serving(session):
            session.shadow.there = False
            session.shadow.stop()
            await until(lambda: selector(place.api) == {"app": "web"})
            await until(lambda: place.reporter.states[-1].health == "down")
            place.api.denied = {("get", "services", "shop")}
            session.shadow.start()
            await asyncio.sleep(0.1)
            assert selector(place.api) == {"app": "web"}
            place.api.denied = set()
            await until(lambda: selector(place.api) == {"app": AGENT})
            await until(lambda: place.reporter.states[-1].health == "up")
            assert await call(of(session)) == b"laptop:?"
    assert "is lost: callers go past it" in place.reporter.notes[0]
    assert "is back" in place.reporter.notes[1]


async def test_an_agent_that_comes_back_while_all_is_undone_gets_no_callers_any_more(monkeypatch):
    async with shop(monkeypatch) as place, saying(b"laptop") as here:
        session = place.session(here)
        async with place.serving(session) as task:
            session.shadow.there = False
            session.shadow.stop()
            await until(lambda: selector(place.api) == {"app": "web"})
            monkeypatch.setattr(serving_undo, "PROXIES", 0.5)
            task.cancel()
            session.shadow.start()
    assert selector(place.api) == {"app": "web"}
    assert not any("is back" in note for note in place.reporter.notes)


async def test_callers_who_were_turned_down_here_did_not_come_while_it_was_away(monkeypatch):
    monkeypatch.setattr(serving_line, "LOST_AFTER", 5.0)
    async with shop(monkeypatch) as place:
        session = place.session(Target("tcp", "127.0.0.1", free_port()))
        async with place.serving(session):
            assert await call(of(session)) == b"origin:?"
            line, agent = session._line, session.shadow.agent
            assert line is not None
            assert agent is not None
            for link in list(agent._laptops._links):
                link.fail("cut")
            await until(lambda: not line.is_up)
            await line.when_up()
    assert place.reporter.notes == []


async def test_while_the_cluster_does_not_answer_nothing_is_led_past_the_agent(monkeypatch):
    async with shop(monkeypatch) as place, saying(b"laptop") as here:
        session = place.session(here)

        async def unknown():
            raise KtError("no answer")

        async with place.serving(session):
            monkeypatch.setattr(session.shadow, "is_there", unknown)
            session.shadow.stop()
            await asyncio.sleep(0.3)
            assert selector(place.api) == {"app": AGENT}


async def test_who_is_taken_over_undoes_and_says_by_whom(monkeypatch):
    async with shop(monkeypatch) as place, saying(b"laptop") as here:

        async def take_over():
            await place.reporter.next_ready.get()
            lease = place.api.objects[LEASE_KEY]
            lease["metadata"]["annotations"]["kt-taken-by"] = "bob@desk"
            place.api.put(lease)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(take_over())
            with pytest.raises(Conflict, match="undone by bob@desk"):
                await serving.serve([place.session(here)], place.reporter, 0.0)
        assert selector(place.api) == {"app": "web"}
        assert LEASE_KEY not in place.api.objects


async def test_a_target_that_is_taken_is_left_alone(monkeypatch):
    async with shop(monkeypatch) as place, saying(b"laptop") as here:
        first = place.session(here)
        async with place.serving(first):
            with pytest.raises((Taken, Conflict)):
                await serving.serve([place.session(here)], place.reporter, 0.0)
            assert await call(of(first)) == b"laptop:?"
            assert selector(place.api) == {"app": AGENT}


async def test_of_two_who_announce_themselves_at_once_none_takes_the_others_callers(monkeypatch):
    async with shop(monkeypatch) as place, saying(b"laptop") as here:
        session = place.session(here)
        meshing = Session("kt-mesh-web.ci", "shop", "shadow-mesh", "bob@desk")
        theirs = SessionLease(place.cluster, meshing, {"mode": "mesh", "target": "service/web"})
        await theirs.create()  # after we had looked
        with pytest.raises(Taken, match="mesh by bob@desk"):
            await serving.serve([session], place.reporter, 0.0)
        assert selector(place.api) == {"app": "web"}
        assert LEASE_KEY not in place.api.objects


async def test_one_that_cant_be_set_up_takes_the_others_with_it(monkeypatch):
    async with shop(monkeypatch) as place, saying(b"laptop") as here:
        good, bad = place.session(here), place.session(here, name="kt-exchange-two")

        async def refuse(*_):
            await good.up.wait()
            raise Refused("no")

        monkeypatch.setattr(bad._way, "prepare", refuse)
        before = set(place.api.objects)
        with pytest.raises(Refused, match="no"):
            await serving.serve([good, bad], place.reporter, 0.0)
        assert set(place.api.objects) == before
        assert selector(place.api) == {"app": "web"}


async def test_what_cant_be_undone_is_told_and_left_to_the_next(monkeypatch):
    async with shop(monkeypatch) as place, saying(b"laptop") as here:
        async with place.serving(place.session(here)):
            place.api.denied = {("patch", "services", "shop")}
        assert LEASE_KEY in place.api.objects
    [(told, hint)] = [each for each in place.reporter.warnings if "still" in each[0]]
    assert "kt-exchange-web" in told
    assert "next ktctl command" in hint


async def test_calls_that_do_not_end_are_cut_in_the_end_and_counted(monkeypatch):
    async with shop(monkeypatch) as place, saying(b"laptop") as here:
        session = place.session(here)
        async with place.serving(session):
            _, writer = await asyncio.open_connection("127.0.0.1", of(session))
            await until(lambda: place.reporter.states[-1].calls.open == 1)
        writer.close()
    assert "1 call went on for more than" in place.reporter.notes[-1]


async def test_a_service_that_is_deleted_shows_as_down(monkeypatch):
    async with shop(monkeypatch) as place, saying(b"laptop") as here:
        async with place.serving(place.session(here)):
            place.api.remove(SERVICE, "web", "shop")
            await until(lambda: place.reporter.states[-1].health == "down")
            assert place.reporter.states[-1].reason == "service shop/web was deleted"
