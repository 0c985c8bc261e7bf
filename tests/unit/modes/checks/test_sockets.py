import socket
from contextlib import ExitStack

import pytest

from ktconnect.modes.checks.sockets import bound, listens
from ktconnect.wire.target import Target


@pytest.fixture
def stack():
    with ExitStack() as found:
        yield found


@pytest.mark.parametrize(
    ("host", "asked"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "::1")]
)
def test_what_listens_is_seen_until_it_ends(stack, host, asked):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    server = stack.enter_context(socket.create_server((host, 0), family=family))
    target = Target("tcp", asked, server.getsockname()[1])
    assert listens(target)
    caller = stack.enter_context(socket.create_connection((asked, target.port)))
    server.close()
    assert not listens(target)
    assert caller.fileno() > 0, "a connection alone is nobody who listens"


def test_another_address_is_another_program(stack):
    server = stack.enter_context(socket.create_server(("127.0.0.2", 0)))
    assert not listens(Target("tcp", "127.0.0.1", server.getsockname()[1]))


def test_a_unix_socket_is_seen_by_its_path(stack, tmp_path):
    path = str(tmp_path / "with space")
    server = stack.enter_context(socket.socket(socket.AF_UNIX))
    server.bind(path)
    assert not listens(Target("unix", path, 0))
    server.listen()
    assert listens(Target("unix", path, 0))
    assert not listens(Target("unix", f"{path}s", 0))


def test_datagrams_are_bound_and_never_listen(stack):
    sock = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
    sock.bind(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    assert [str(each) for each in bound("udp", port)] == ["127.0.0.1"]
    assert not listens(Target("udp", "127.0.0.1", port))


def test_what_can_not_be_seen_is_not_told(stack, tmp_path):
    server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    port = server.getsockname()[1]
    assert not listens(Target("tcp", "localhost", port))
    assert not listens(Target("tcp", "127.0.0.1", port), tmp_path)
