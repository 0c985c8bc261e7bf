import socket
from ipaddress import IPv4Address

import pytest
from tests.unit.tunnel.ends import free_port

from ktconnect.errors import HostError
from ktconnect.host.listen import open_dns_sockets

CANDIDATES = [IPv4Address("127.0.0.77"), IPv4Address("127.0.0.78")]


@pytest.fixture
def port():
    return free_port()


def test_udp_and_tcp_are_on_the_same_address(port):
    udp, tcp = open_dns_sockets(CANDIDATES, port)
    with udp, tcp:
        assert udp.getsockname() == tcp.getsockname() == ("127.0.0.77", port)
        assert not udp.getblocking()
        assert not tcp.getblocking()
        with socket.create_connection(tcp.getsockname()):
            pass


def test_an_address_that_is_taken_is_passed_over(port):
    with socket.create_server(("127.0.0.77", port)):
        udp, tcp = open_dns_sockets(CANDIDATES, port)
        with udp, tcp:
            assert udp.getsockname()[0] == tcp.getsockname()[0] == "127.0.0.78"


def test_it_is_said_when_another_program_is_on_every_address(port):
    with socket.create_server(("", port)):
        with pytest.raises(HostError, match="another program answers names") as error:
            open_dns_sockets(CANDIDATES, port)
    assert "ss -lnp" in error.value.hint


def test_it_is_said_when_an_address_is_not_ours(port):
    with pytest.raises(HostError, match="assign requested address"):
        open_dns_sockets([IPv4Address("192.0.2.1")], port)
