import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, RequestReceived, StreamEnded

from ktconnect.errors import UsageError
from ktconnect.traffic.asking import BadAnswer
from ktconnect.traffic.calling import Calling
from ktconnect.traffic.exchange import Body, Request

GRPC = ("Content-Type", "application/grpc")
HEADERS = (
    ("Host", "web"),
    GRPC,
    ("TE", "trailers"),
    ("Connection", "close"),
    ("X-Request-Id", "1"),
)


def request(body=b"\0\0\0\0\1a"):
    return Request("POST", "/shop.Cart/Add", HEADERS, Body.whole(body))


class Server:
    """One of h2 that is called, and takes ``window`` bytes of a call before it says more."""

    def __init__(self, calling, window=65_535):
        self.http = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self.http.local_settings.initial_window_size = window
        self.http.initiate_connection()
        self.calling = calling
        self.body, self.headers, self.whole = b"", [], False

    def takes(self, data):
        for event in self.http.receive_data(data):
            match event:
                case RequestReceived():
                    self.headers = list(event.headers)
                case DataReceived():
                    self.body += event.data
                    self.http.acknowledge_received_data(event.flow_controlled_length, 1)
                case StreamEnded():
                    self.whole = True
                case _:
                    pass

    def says(self):
        """To the caller; who answers. The call's answer, if it is whole."""
        answer = self.calling.heard(self.http.data_to_send())
        self.takes(self.calling.more())
        return answer

    def tells(self, *messages):
        self.http.send_headers(1, [(":status", "200"), ("content-type", "application/grpc")])
        for message in messages:
            self.http.send_data(1, message)
        self.http.send_headers(1, [("grpc-status", "0")], end_stream=True)


def called(calling, **options):
    server = Server(calling, **options)
    server.takes(calling.to_send)
    return server


def test_a_call_is_sent_as_it_was_recorded():
    server = called(Calling(request()))
    assert server.whole
    assert server.body == b"\0\0\0\0\1a"
    assert server.headers == [
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", "web"),
        (":path", "/shop.Cart/Add"),
        ("content-type", "application/grpc"),
        ("x-request-id", "1"),
        ("te", "trailers"),
    ]


def test_a_call_without_messages_ends_at_once():
    server = called(Calling(request(b"")))
    assert server.whole
    assert server.body == b""


def test_inside_tls_a_call_says_so():
    server = called(Calling(request(), "https"))
    assert (":scheme", "https") in server.headers


def test_its_answer_has_messages_and_trailers():
    server = called(Calling(request()))
    assert server.says() is None
    server.http.send_headers(1, [(":status", "103")])
    server.tells(b"one", b"two")
    answer = server.says()
    assert answer is not None
    assert (answer.status, answer.version) == (200, "HTTP/2")
    assert answer.headers == (("content-type", "application/grpc"),)
    assert answer.body.data == b"onetwo"
    assert answer.trailers == (("grpc-status", "0"),)


@pytest.mark.parametrize("size", [70_000, 500_000])
def test_a_long_call_is_sent_as_it_is_taken(size):
    server = called(Calling(request(b"x" * size)))
    assert not server.whole
    while not server.whole:
        assert server.says() is None
    assert len(server.body) == size


def test_an_answer_that_is_longer_than_a_window_comes_whole():
    server = called(Calling(request()))
    server.says()
    server.http.send_headers(1, [(":status", "200")])
    for _ in range(20):
        server.http.send_data(1, b"x" * 16_000)
        assert server.says() is None
    server.http.end_stream(1)
    answer = server.says()
    assert answer is not None
    assert answer.body.size == 320_000


def test_a_call_that_is_given_up_says_why():
    server = called(Calling(request()))
    server.http.reset_stream(1, ErrorCodes.REFUSED_STREAM)
    with pytest.raises(BadAnswer, match="reset: REFUSED_STREAM"):
        server.says()
    server = called(Calling(request()))
    server.http.close_connection(ErrorCodes.ENHANCE_YOUR_CALM)
    with pytest.raises(BadAnswer, match="ended: ENHANCE_YOUR_CALM"):
        server.says()


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"", "closed without"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "speaks HTTP/1.1"),
        (b"\0\0\4\6\0\0\0\0\0none", "ping|PING|Frame"),
    ],
)
def test_what_is_no_answer_of_grpc_is_said(said, why):
    with pytest.raises(BadAnswer, match=why):
        Calling(request()).heard(said)


def test_what_http_2_can_not_say_is_refused():
    with pytest.raises(UsageError, match="can't be sent"):
        Calling(Request("POST", "", HEADERS))
