import socket

import pytest
from tests.unit.tunnel.ends import free_port

from ktconnect.agent.listening import bound, caller_of
from ktconnect.wire.spec import Listen


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_both_families_come_to_one_socket(protocol):
    port = free_port()
    with bound(Listen(protocol, port)) as sock:
        assert sock.getsockname()[:2] == ("::", port)
        if protocol == "tcp":
            sock.listen()
        with pytest.raises(OSError, match="in use"):
            bound(Listen(protocol, port))


def test_a_caller_whose_node_is_lost_is_noticed_in_the_end():
    with bound(Listen("tcp", free_port())) as sock:
        sock.listen()
        with socket.create_connection(("127.0.0.1", sock.getsockname()[1])):
            accepted, _ = sock.accept()
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            accepted.close()


@pytest.mark.parametrize(
    ("address", "caller"),
    [
        (("::ffff:10.244.1.7", 41234, 0, 0), ("10.244.1.7", 41234)),
        (("10.244.1.7", 41234), ("10.244.1.7", 41234)),
        (("fd00::7", 5, 0, 0), ("fd00::7", 5)),
        (("fe80::7%eth0", 5, 0, 2), ("fe80::7", 5)),
    ],
)
def test_a_caller_is_told_by_the_address_it_has(address, caller):
    assert caller_of(address) == caller
