import errno
import os
import socket

import pytest

from ktconnect.errors import HostError
from ktconnect.host.localports import LOOPBACK, _refused, bind_all, port_of


def close(sockets):
    for sock in sockets:
        sock.close()


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_a_free_port_is_the_same_on_all_addresses(protocol):
    found = bind_all(LOOPBACK, protocol, 0)
    assert {sock.getsockname()[0] for sock in found} <= set(LOOPBACK)
    assert {sock.getsockname()[1] for sock in found} == {port_of(found)}
    assert not any(sock.getblocking() for sock in found)
    close(found)


def test_a_port_that_is_taken_is_named_with_how_to_find_who_has_it():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(HostError, match=rf"port {port}/tcp of 127\.0\.0\.1 is taken") as caught:
            bind_all(LOOPBACK, "tcp", port)
    assert f"sport = :{port}" in caught.value.hint


def test_a_free_port_is_looked_for_again_if_one_address_has_it_taken():
    first = bind_all(("127.0.0.1", "127.0.0.2"), "tcp", 0)
    assert len(first) == 2
    close(first)


def test_an_address_of_another_machine_is_refused():
    with pytest.raises(HostError, match=r"203\.0\.113\.1 can't be listened on"):
        bind_all(("203.0.113.1",), "tcp", 0)


def test_what_was_bound_is_given_back_when_another_address_fails():
    with pytest.raises(HostError):
        bind_all(("127.0.0.1", "203.0.113.1"), "tcp", 0)
    found = bind_all(("127.0.0.1",), "tcp", 0)
    close(found)


def test_a_low_port_needs_root_and_another_one_is_proposed():
    refused = OSError(errno.EACCES, os.strerror(errno.EACCES), "127.0.0.1")
    error = _refused(refused, "tcp", 80)
    assert "needs root" in str(error)
    assert "8080:80" in error.hint
