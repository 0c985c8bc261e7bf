import socket
from collections.abc import Iterator
from typing import Any

import pytest

from ktconnect.tunnel.watches import Watches


class Told(Watches):
    def __init__(self) -> None:
        super().__init__()
        self.contexts: list[dict[str, Any]] = []

    def call_exception_handler(self, context: dict[str, Any], /) -> None:
        self.contexts.append(context)


@pytest.fixture
def watches() -> Iterator[Told]:
    made = Told()
    yield made
    made.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    near, far = socket.socketpair()
    with near, far:
        yield near, far


def test_one_descriptor_has_a_reader_and_a_writer_that_come_and_go(watches, pair):
    near, far = pair
    heard: list[str] = []
    watches.add_reader(near.fileno(), lambda: heard.append("read"))
    watches.add_writer(near.fileno(), lambda: heard.append("write"))
    far.send(b"x")
    watches.serve(1)
    assert heard == ["read", "write"]
    watches.remove_writer(near.fileno())
    watches.serve(1)
    assert heard == ["read", "write", "read"]
    watches.remove_reader(near.fileno())
    watches.remove_reader(near.fileno())
    watches.serve(0)
    assert len(heard) == 3


def test_a_reader_that_is_there_already_is_replaced(watches, pair):
    near, far = pair
    heard: list[str] = []
    for name in ("first", "second"):
        watches.add_reader(near.fileno(), lambda name=name: heard.append(name))
    far.send(b"x")
    watches.serve(1)
    assert heard == ["second"]


def test_what_fails_and_belongs_to_nobody_is_told(watches, pair):
    near, far = pair
    watches.add_reader(near.fileno(), lambda: [][0])
    far.send(b"x")
    watches.serve(1)
    assert isinstance(watches.contexts[0]["exception"], IndexError)
