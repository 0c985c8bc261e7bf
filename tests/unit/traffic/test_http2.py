import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes

from ktconnect.traffic.http2 import Http2

ASKED = [(":method", "POST"), (":path", "/a?b=1"), (":scheme", "http"), (":authority", "web")]
TOLD = [(":status", "200"), ("x-one", "1")]


class Cable:
    """A caller and a server of h2 that speak with each other, and what is read of it."""

    def __init__(self):
        self.caller = H2Connection(H2Configuration(client_side=True))
        self.server = H2Connection(H2Configuration(client_side=False))
        self.watcher = Http2()
        self.found = []
        self.caller.initiate_connection()
        self.server.initiate_connection()
        self.pass_on()

    def pass_on(self, now=1.0):
        """Until neither has anything to say."""
        while True:
            asked, told = self.caller.data_to_send(), self.server.data_to_send()
            if not asked + told:
                return
            if asked:
                self.found += self.watcher.requested(asked, now)
                self.server.receive_data(asked)
            if told:
                self.found += self.watcher.answered(told, now)
                self.caller.receive_data(told)

    def ask(self, stream, *, body=b"abc", now=1.0):
        self.caller.send_headers(stream, [*ASKED, ("x-request-id", str(stream))])
        self.caller.send_data(stream, body, end_stream=True)
        self.pass_on(now)

    def tell(self, stream, body=b"hi", *, trailers=(), now=3.0):
        self.server.send_headers(stream, TOLD)
        self.server.send_data(stream, body, end_stream=not trailers)
        if trailers:
            self.server.send_headers(stream, trailers, end_stream=True)
        self.pass_on(now)


@pytest.fixture
def cable():
    return Cable()


def test_requests_on_one_connection_are_read_in_the_order_of_their_answers(cable):
    cable.ask(1)
    cable.ask(3)
    assert cable.watcher.pending
    cable.tell(3)
    cable.tell(1, trailers=[("grpc-status", "0")])
    second, first = cable.found
    assert (first.request.method, first.request.target) == ("POST", "/a?b=1")
    assert first.request.headers == (("Host", "web"), ("x-request-id", "1"))
    assert first.request.body.data == b"abc"
    assert first.answer is not None
    assert (first.answer.status, first.answer.headers) == (200, (("x-one", "1"),))
    assert first.answer.body.data == b"hi"
    assert first.answer.trailers == (("grpc-status", "0"),)
    assert (first.began, first.seconds) == (1.0, 2.0)
    assert (first.request.version, first.answer.version) == ("HTTP/2", "HTTP/2")
    assert second.answer is not None
    assert second.answer.trailers == ()
    assert not cable.watcher.pending
    assert not cable.watcher.lost


def test_an_answer_of_headers_alone_is_whole(cable):
    cable.ask(1)
    cable.server.send_headers(1, [*TOLD, ("grpc-status", "5")], end_stream=True)
    cable.pass_on()
    (seen,) = cable.found
    assert seen.answer is not None
    assert ("grpc-status", "5") in seen.answer.headers


def test_interim_answers_are_passed_over(cable):
    cable.ask(1)
    cable.server.send_headers(1, [(":status", "103")])
    cable.pass_on()
    cable.tell(1)
    (seen,) = cable.found
    assert seen.answer is not None
    assert seen.answer.status == 200


def test_who_is_answered_before_his_end_may_say_the_rest(cable):
    cable.caller.send_headers(1, ASKED)
    cable.pass_on()
    cable.tell(1)
    cable.caller.send_data(1, b"too late")
    cable.caller.send_headers(1, [("x-sum", "1")], end_stream=True)
    cable.pass_on()
    (seen,) = cable.found
    assert seen.request.body.data == b""


def test_streams_that_are_reset_are_told_with_who_did_it(cable):
    for number in (1, 3):
        cable.ask(number)
    cable.server.reset_stream(1, ErrorCodes.INTERNAL_ERROR)
    cable.caller.reset_stream(3, ErrorCodes.CANCEL)
    cable.pass_on(2.0)
    by = {header: seen.failure for seen in cable.found for _, header in seen.request.headers[1:]}
    assert by == {
        "1": "reset by the program: INTERNAL_ERROR",
        "3": "the caller gave it up: CANCEL",
    }
    assert all(seen.answer is None for seen in cable.found)


def test_what_has_no_answer_at_the_end_is_told(cable):
    cable.ask(1)
    (seen,) = cable.watcher.abandoned("connection refused", 4.0)
    assert (seen.failure, seen.seconds, seen.request.body.data) == (
        "connection refused",
        3.0,
        b"abc",
    )
    assert cable.watcher.abandoned("again", 4.0) == []


def test_a_connect_passes_unread(cable):
    cable.caller.send_headers(1, [(":method", "CONNECT"), (":authority", "web")])
    cable.pass_on()
    cable.server.send_headers(1, TOLD)
    cable.pass_on()
    cable.caller.send_data(1, b"bytes", end_stream=True)
    cable.caller.reset_stream(1)
    cable.pass_on()
    assert cable.found == []
    assert not cable.watcher.lost


def test_what_is_no_http_2_ends_the_reading_alone():
    watcher = Http2()
    assert watcher.requested(b"GET / HTTP/1.1\r\n", 1.0) == []
    assert watcher.lost
    assert watcher.answered(b"more", 2.0) == []
