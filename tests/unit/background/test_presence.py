import asyncio
import json
import os
from contextlib import ExitStack

from tests.unit.background.processes import process
from tests.unit.tunnel.ends import until

from ktconnect.background import presence as presences
from ktconnect.background.asking import listening
from ktconnect.background.presence import announced, this_process
from ktconnect.background.process import processes
from ktconnect.background.socketfile import connected


def line(event, **told):
    return json.dumps({"time": "now", "event": event, **told}) + "\n"


READY = {"session": "kt-exchange-web", "namespace": "shop"}


def test_a_process_can_be_found_as_long_as_it_is_announced(kt_home):
    ours = this_process("forward", "web", namespace="shop", context="c", kubeconfig="k")
    with announced(ours):
        assert processes() == [ours]
    assert processes() == []
    assert ours.owner.pid == os.getpid()


def test_what_it_says_is_its_state(kt_home):
    with announced(process()) as ours:
        heard: list[str] = []
        ours.listeners.append(heard.append)
        ours.say(line("begin", title="Asking"))
        assert ours.snapshot()["doing"] == "Asking"
        assert not ours.snapshot()["ready"]
        ours.say(line("step", title="Asking", result="Asked", seconds=0.1))
        ours.say(line("ready", **READY, facts={"service": "shop/web"}))
        ours.say(line("serving"))
        ours.say(line("status", session="", health="up"))
        state = ours.snapshot()
        assert (state["doing"], state["ready"]) == ("", True)
        assert state["statuses"][""]["health"] == "up"
        assert state["statuses"][""]["age"] < 5
        ours.ending()
        assert ours.snapshot()["ending"]
        assert len(heard) == 5
        assert processes()[0].sessions == ("kt-exchange-web",)
        assert processes()[0].targets == ("shop/web",)


async def test_who_connects_is_told_the_state_and_then_all_that_follows(kt_home):
    with announced(process()) as ours:
        async with asyncio.timeout(5), ours.answering(), listening(ours.process) as events:
            assert (await anext(events))["event"] == "state"
            ours.say(line("note", message="hello"))
            assert (await anext(events))["message"] == "hello"


async def test_its_end_is_the_end_of_what_is_heard(kt_home):
    heard = []

    async def hear(ours, began):
        async with listening(ours.process) as events:
            async for event in events:
                heard.append(event["event"])
                began.set()

    with announced(process()) as ours:
        async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
            async with ours.answering():
                began = asyncio.Event()
                tasks.create_task(hear(ours, began))
                await began.wait()
                ours.say(line("end", exitCode=0))
    assert heard == ["state", "end"]


async def test_a_listener_who_does_not_read_is_dropped(kt_home, monkeypatch):
    monkeypatch.setattr(presences, "SLOW", 10_000)
    with announced(process()) as ours:
        async with asyncio.timeout(10), ours.answering(), listening(ours.process) as events:
            await anext(events)
            while ours._writers:
                ours.say(line("note", message="x" * 10_000))


async def test_who_does_not_read_may_be_dropped_while_the_others_take_the_last_line(kt_home):
    with announced(process()) as ours, ExitStack() as after:
        async with asyncio.timeout(5), ours.answering():
            after.enter_context(connected(ours.process.socket))
            await until(lambda: ours._writers)
            (deaf,) = ours._writers
            while not deaf.transport.get_write_buffer_size():
                ours.say(line("note", message="x" * 10_000))
            asyncio.get_running_loop().call_later(0.05, ours.say, line("end", exitCode=0))
    assert ours._writers == set()


async def test_a_removed_pid_file_is_noticed(kt_home, monkeypatch):
    monkeypatch.setattr(presences, "LOOK", 0.01)
    with announced(process()) as ours:
        async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(ours.gone())
            await asyncio.sleep(0.05)
            assert not watching.done()
            ours.process.pid_file.unlink()


def test_only_a_file_that_is_known_to_be_missing_is_missing(tmp_path):
    assert presences._is_missing(tmp_path / "none")
    (tmp_path / "file").touch()
    assert not presences._is_missing(tmp_path / "file")
    assert not presences._is_missing(tmp_path / "file" / "below")  # ENOTDIR: a disk in trouble


def test_files_that_cannot_be_removed_are_no_failure_of_the_mode(kt_home):
    with announced(process()):
        kt_home.joinpath("pid").rename(kt_home / "moved")
        kt_home.joinpath("pid").touch()  # to unlink in it fails with ENOTDIR
    assert kt_home.joinpath("moved").is_dir()


def test_its_facts_and_last_warnings_are_told_to_who_asks_later(kt_home):
    with announced(process()) as ours:
        ours.say(line("ready", **READY, facts={"service": "shop/web", "mark": "ci"}))
        for number in (*range(presences.WARNINGS), 0, 1, 99):
            ours.say(line("warning", message=f"warning {number}", hint=""))
        state = ours.snapshot()
    assert state["facts"]["kt-exchange-web"]["mark"] == "ci"
    said = [each["message"] for each in state["warnings"]]
    assert said == [f"warning {number}" for number in (3, 4, 0, 1, 99)]
    assert state["warnings"][0]["time"] == "now"


def test_a_warning_that_holds_no_longer_is_not_told_to_who_asks_later(kt_home):
    with announced(process()) as ours:
        for message in ("one", "two"):
            ours.say(line("warning", message=message, hint=""))
        ours.say(line("note", message="hm"))
        ours.say(line("note", message="one is over", settles="one"))
        ours.say(line("note", message="so is another", settles="never said"))
        assert [each["message"] for each in ours.snapshot()["warnings"]] == ["two"]
