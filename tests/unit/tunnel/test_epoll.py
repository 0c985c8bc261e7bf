import socket

from ktconnect.tunnel.epoll import EpollLoop


def test_a_socket_that_only_writes_hears_of_its_peers_end():
    """Not to hear of a hang-up would leave the loop spinning on it."""
    loop = EpollLoop()
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        while True:
            try:
                near.send(bytes(65_536))
            except BlockingIOError:
                break
        loop.add_writer(near.fileno(), loop.stop)
        far.close()
        loop.run()
    loop.close()


def test_a_socket_number_that_is_used_again_gets_no_events_of_its_predecessor():
    loop = EpollLoop()
    first, second = socket.socketpair(), socket.socketpair()
    calls: list[str] = []

    def close_other(name: str, other: socket.socket) -> None:
        calls.append(name)
        loop.remove_reader(first[0].fileno())
        loop.remove_reader(second[0].fileno())
        other.close()
        loop.call_soon(loop.stop)

    loop.add_reader(first[0].fileno(), lambda: close_other("first", second[0]))
    loop.add_reader(second[0].fileno(), lambda: close_other("second", first[0]))
    first[1].send(b"x")
    second[1].send(b"x")
    loop.run()
    assert len(calls) == 1
    loop.close()
    for sock in (*first, *second):
        sock.close()


def test_an_exception_is_logged_with_its_place_and_everybody_else_is_served_on():
    lines: list[str] = []
    loop = EpollLoop(lines.append)
    broken: list[bool] = []

    class Fragile:
        def ready(self) -> None:
            raise ValueError("what nobody expected")

        def broke(self) -> None:
            broken.append(True)
            loop.remove_reader(near.fileno())

    near, far = socket.socketpair()
    with near, far:
        loop.add_reader(near.fileno(), Fragile().ready)
        far.send(b"x")
        loop.call_later(0.0, Fragile().ready)
        loop.call_later(0.05, loop.stop)
        loop.run()
    loop.close()
    assert len(broken) == 2
    assert "what nobody expected" in lines[0]
    assert "test_epoll.py" in lines[0]
