import resource
import socket

import pytest
from tests.unit.tunnel.ends import tcp_pair

from ktconnect.tunnel.tuning import (
    NOTSENT_LOWAT,
    raise_open_files,
    reset_on_close,
    tune_pipe,
    tune_stream,
)


def test_small_writes_leave_at_once():
    near, far = tcp_pair()
    with near, far:
        tune_stream(near)
        assert near.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


def test_a_pipe_keeps_little_unsent_and_leaves_the_buffers_to_the_kernel():
    near, far = tcp_pair()
    with near, far:
        before = near.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
        tune_pipe(near)
        assert near.getsockopt(socket.IPPROTO_TCP, 25) == NOTSENT_LOWAT
        assert near.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) == before


def test_congestion_control_is_left_alone_on_loopback():
    near, far = tcp_pair()
    with near, far:
        before = near.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16)
        tune_pipe(near)
        assert near.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16) == before


def test_sockets_of_other_kinds_are_taken_as_they_are():
    near, far = socket.socketpair()
    with near, far:
        tune_pipe(near)
        tune_stream(near)
        assert not near.getblocking()


def test_closing_can_be_made_a_reset():
    near, far = tcp_pair()
    with far:
        reset_on_close(near)
        near.close()
        reset_on_close(near)
        with pytest.raises(ConnectionResetError):
            far.recv(1)


def test_open_files_are_raised_to_what_is_allowed():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
    try:
        assert raise_open_files() == hard
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
