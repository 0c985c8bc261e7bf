"""The load that callers make."""

import socket
import threading
from collections.abc import Iterator

import pytest
from bench import inbound, rows
from bench.probes import answering, knocking


@pytest.fixture
def page() -> Iterator[tuple[str, int]]:
    """A server of one page, which then hears nothing more."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,), daemon=True)
        thread.start()
        yield server.getsockname()[:2]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def serve(server: socket.socket) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            connection.recv(100)
            connection.sendall(answering.PAGE)


def test_a_rate_is_kept_and_every_answer_counted(page):
    found = knocking.main(page, 4, 0.5, 100)
    assert found["failed"] == 0
    assert isinstance(found["times"], list)
    assert 20 <= len(found["times"]) <= 50


def test_connections_that_are_refused_are_failures():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        found = knocking.main(sock.getsockname(), 1, 0.05, 100)
    assert found["times"] == []
    assert found["failed"]


def test_every_measurement_of_callers_has_its_rows():
    keys = {row.key.removesuffix("@0") for row in rows.rows() if row.key.startswith("in-")}
    for measure in inbound.measures():
        name = measure.name.removesuffix("@0")
        assert any(key.startswith(name) for key in keys), name
        assert measure.peers == (rows.OURS, rows.SSH)
    assert [m.name for m in inbound.measures("in-down")] == ["in-down1@0", "in-down8@0"]
