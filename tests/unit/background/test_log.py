import asyncio
import os

import pytest

from ktconnect.background import log as logs
from ktconnect.background.log import RotatingLog, aside, followed, fresh, lines, log_path, sweep


@pytest.fixture
def descriptors():
    """Two descriptors that stand for standard output and error."""
    made = [os.open(os.devnull, os.O_WRONLY) for _ in range(2)]
    yield tuple(made)
    for descriptor in made:
        os.close(descriptor)


@pytest.fixture
def path(kt_home):
    return fresh(log_path("exchange-1"))


def test_all_that_the_process_prints_is_in_it(path, descriptors):
    log = RotatingLog(path, descriptors=descriptors)
    log.write("one\n")
    os.write(descriptors[1], b"a traceback\n")
    assert list(lines(path)) == ["one\n", "a traceback\n"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_its_size_is_bounded_and_nothing_written_lately_is_lost(path, descriptors):
    log = RotatingLog(path, size=100, descriptors=descriptors)
    for number in range(50):
        log.turn()
        log.write(f"line {number:04}\n")
    found = list(lines(path))
    assert found == [f"line {number:04}\n" for number in range(50)][-len(found) :]
    assert len(found) >= 10
    assert path.stat().st_size <= 120
    assert aside(path).stat().st_size <= 120


def test_a_disk_that_is_full_stops_the_log_alone(path, descriptors):
    log = RotatingLog(path, descriptors=descriptors)
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, descriptors[0])
    os.close(full)
    log.write("lost\n")
    assert list(lines(path)) == []


def test_a_new_log_begins_empty_even_where_an_earlier_process_had_the_id(path, descriptors):
    path.write_text("old\n")
    aside(path).write_text("older\n")
    assert list(lines(path)) == ["older\n", "old\n"]
    assert list(lines(fresh(path))) == []


def test_old_logs_are_removed_and_those_of_the_living_stay(kt_home, monkeypatch):
    monkeypatch.setattr(logs, "KEPT", 2)
    for number in range(4):
        path = fresh(log_path(f"exchange-{number}"))
        path.write_text("x")
        aside(path).write_text("x")
        os.utime(path, (1000 + number, 1000 + number))
    sweep({"exchange-0"}, now=2000)
    assert sorted(each.stem for each in logs.newest_first()) == [f"exchange-{n}" for n in (0, 2, 3)]
    assert not aside(log_path("exchange-1")).exists()
    sweep(set(), now=1003 + logs.DAYS * 86_400)
    assert [each.stem for each in logs.newest_first()] == ["exchange-3"]


async def test_a_log_is_followed_across_its_turns_until_the_end(path, descriptors):
    log = RotatingLog(path, size=30, descriptors=descriptors)
    log.write("before\n")
    alive, heard = [True], []

    async def hear():
        async for line in followed(path, lambda: alive[0]):
            heard.append(line)
            told.set()

    told = asyncio.Event()
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        tasks.create_task(hear())
        await asyncio.sleep(0)
        for number in range(6):
            log.turn()
            log.write(f"line {number}\n")
            await told.wait()
            told.clear()
        alive[0] = False
        log.write("last\n")
    assert heard == [*(f"line {number}\n" for number in range(6)), "last\n"]
