"""What the core asks of a loop, on both loops that it runs on."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from ktconnect.tunnel.epoll import EpollLoop

if TYPE_CHECKING:
    from ktconnect.tunnel.loop import Loop


class Asyncio:
    """asyncio's loop with EpollLoop's names for running it."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.run: Callable[[], None] = self.loop.run_forever
        self.stop = self.loop.stop
        self.close = self.loop.close


class Epoll:
    def __init__(self) -> None:
        self.loop = EpollLoop()
        self.run = self.loop.run
        self.stop = self.loop.stop
        self.close = self.loop.close


@pytest.fixture(params=[Asyncio, Epoll])
def runner(request: pytest.FixtureRequest) -> Iterator[Asyncio | Epoll]:
    with contextlib.closing(request.param()) as made:
        yield made


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        yield near, far


def test_a_reader_is_called_when_there_is_something_to_read(runner, pair):
    near, far = pair
    got: list[bytes] = []

    def readable() -> None:
        got.append(near.recv(10))
        runner.stop()

    runner.loop.add_reader(near.fileno(), readable)
    far.send(b"hello")
    runner.run()
    assert got == [b"hello"]


def test_a_reader_and_a_writer_share_a_socket_and_leave_it_one_by_one(runner, pair):
    near, far = pair
    calls: list[str] = []
    loop: Loop = runner.loop

    def writable() -> None:
        calls.append("write")
        loop.remove_writer(near.fileno())
        far.send(b"x")

    def readable() -> None:
        calls.append("read")
        loop.remove_reader(near.fileno())
        loop.call_later(0.02, runner.stop)

    loop.add_reader(near.fileno(), readable)
    loop.add_writer(near.fileno(), writable)
    runner.run()
    assert calls == ["write", "read"]


def test_the_latest_callback_counts(runner, pair):
    near, far = pair
    runner.loop.add_reader(near.fileno(), lambda: pytest.fail("replaced"))
    runner.loop.add_reader(near.fileno(), runner.stop)
    far.send(b"x")
    runner.run()


def test_removing_what_was_never_added_is_harmless(runner, pair):
    near, _ = pair
    runner.loop.remove_reader(near.fileno())
    runner.loop.remove_writer(near.fileno())


def test_a_reader_that_closes_its_socket_hears_nothing_of_its_writer(runner, pair):
    near, far = pair
    calls: list[str] = []
    loop: Loop = runner.loop

    def readable() -> None:
        calls.append("read")
        loop.remove_reader(near.fileno())
        loop.remove_writer(near.fileno())
        near.close()
        loop.call_later(0.02, runner.stop)

    loop.add_reader(near.fileno(), readable)
    loop.add_writer(near.fileno(), lambda: pytest.fail("written"))
    far.close()
    if isinstance(runner, Asyncio):  # it may call the writer of the same round
        loop.remove_writer(near.fileno())
    runner.run()
    assert calls == ["read"]


def test_timers_fire_in_their_order_and_not_when_called_off(runner):
    calls: list[str] = []
    loop: Loop = runner.loop
    start = loop.time()
    loop.call_later(0.04, runner.stop)
    loop.call_later(0.03, lambda: calls.append("late"))
    loop.call_later(0.01, lambda: calls.append("early"))
    loop.call_soon(lambda: calls.append("soon"))
    off = loop.call_later(0.02, lambda: calls.append("never"))
    off.cancel()
    off.cancel()
    runner.run()
    assert calls == ["soon", "early", "late"]
    assert loop.time() - start >= 0.04


def test_another_thread_can_wake_the_loop(runner):
    thread = threading.Timer(0.02, lambda: runner.loop.call_soon_threadsafe(runner.stop))
    thread.start()
    runner.run()
    thread.join()
