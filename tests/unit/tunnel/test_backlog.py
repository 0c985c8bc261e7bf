import socket

from ktconnect.tunnel.backlog import Backlog
from ktconnect.wire.window import Budget


def test_what_waits_is_written_in_order_and_given_back_to_the_session():
    budget = Budget(held=10)
    backlog = Backlog(budget)
    near, far = socket.socketpair()
    with near, far:
        assert backlog.add(memoryview(b"hello "))
        assert backlog.add(memoryview(b"you"))
        assert budget.held == 9
        assert backlog.write(near) == 9
        assert far.recv(100) == b"hello you"
    assert backlog.empty
    assert budget.held == 0


def test_a_session_without_room_keeps_nothing_more():
    budget = Budget(held=4)
    backlog = Backlog(budget)
    assert backlog.add(memoryview(b"1234"))
    assert not backlog.add(memoryview(b"5"))
    backlog.close()
    assert backlog.empty
    assert budget.held == 0
