import socket
import threading

from tests.unit.tunnel.ends import free_port

from ktconnect.agent.check import listens


def test_something_that_accepts_listens():
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert listens(server.getsockname()[1], wait=0)


def test_a_closed_port_does_not_listen():
    assert not listens(free_port(), wait=0.05)


def test_an_agent_that_is_just_starting_is_waited_for():
    port, servers = free_port(), list[socket.socket]()
    later = threading.Timer(0.1, lambda: servers.append(socket.create_server(("127.0.0.1", port))))
    later.start()
    assert listens(port, wait=5)
    later.join()
    servers[0].close()
