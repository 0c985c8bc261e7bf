import asyncio
import dataclasses
import signal

import pytest
from tests.unit.background.processes import dead, process, sleeping

from ktconnect.background import home
from ktconnect.background.asking import ask, ask_all, judged
from ktconnect.background.presence import announced
from ktconnect.background.socketfile import bound

STATUS = {"health": "up", "reason": "", "age": 0.5, "target": "shop/web"}


def state(**differs):
    usual = {"ready": True, "ending": False, "doing": "", "statuses": {"a": STATUS}}
    return {"event": "state", **usual, **differs}


@pytest.mark.parametrize(
    ("told", "found"),
    [
        (state(), ("up", "")),
        (state(ending=True, doing="Taking"), ("ending", "Taking")),
        (state(ready=False, doing="Asking"), ("starting", "Asking")),
        (state(statuses={}), ("starting", "it has not told its state yet")),
        (
            state(statuses={"a": {**STATUS, "health": "down", "reason": "lost"}}),
            ("down", "lost"),
        ),
        (
            state(statuses={"a": {**STATUS, "age": 9.4}}),
            ("not answering", "its last status is 9 s old"),
        ),
    ],
)
def test_the_state_is_what_the_process_says_of_itself(told, found):
    [only] = judged(process(sessions=("a",)), told)
    assert (only.state, only.reason) == found
    assert only.is_up == (found[0] == "up")


def test_one_of_several_sessions_may_be_down():
    both = process(sessions=("a", "b"))
    down = {**STATUS, "health": "down", "reason": "lost"}
    found = judged(both, state(statuses={"a": STATUS, "b": down}))
    assert [(each.session, each.state) for each in found] == [("a", "up"), ("b", "down")]
    assert found[0].target == "shop/web"


def test_a_status_that_names_no_session_is_of_the_only_one():
    [found] = judged(process(sessions=("a",)), state(statuses={"": STATUS}))
    assert found.is_up


async def test_a_process_that_listens_is_asked(kt_home):
    with announced(process()) as ours:
        async with ours.answering():
            [found] = await ask(ours.process)
    assert (found.state, found.reason) == ("starting", "")


async def test_one_that_does_not_listen_yet_is_starting(kt_home):
    home.make(home.runs())
    assert (await ask(process()))[0].state == "starting"


async def test_one_that_has_died_is_told_so(kt_home):
    home.make(home.runs())
    [found] = await ask_all([dead()])
    assert (found.state, found.session) == ("ended", "")


async def test_one_that_is_stopped_is_not_up_but_not_answering(kt_home):
    home.make(home.runs())
    with sleeping() as (running, theirs), bound(theirs.socket):
        running.send_signal(signal.SIGSTOP)
        async with asyncio.timeout(5):
            theirs = dataclasses.replace(theirs, sessions=("a",), targets=("shop/web",))
            while "SIGSTOP" not in (found := (await ask(theirs, 0.1))[0]).reason:
                pass
    assert found.state == "not answering"
    assert found.target == "shop/web"


async def test_nonsense_on_the_socket_is_no_state(kt_home):
    home.make(home.runs())
    ours = dataclasses.replace(process(), sessions=("a",))
    with bound(ours.socket) as sock:
        server = await asyncio.start_unix_server(lambda _, writer: _babble(writer), sock=sock)
        [found] = await ask(ours)
        server.close()
    assert found.state == "starting"


def _babble(writer):
    writer.write(b"hello\n")
    writer.close()
