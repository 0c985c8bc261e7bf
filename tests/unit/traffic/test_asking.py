import pytest

from ktconnect.errors import UsageError
from ktconnect.traffic.asking import Asking, BadAnswer, readable, replaced
from ktconnect.traffic.exchange import Body, Request

POST = Request(
    "POST",
    "/a?b",
    (("Host", "web"), ("Connection", "keep-alive"), ("Content-Length", "9"), ("X-Ünit", "1")),
    Body.whole(b"abc"),
)


def test_what_is_sent_is_the_recorded_request_but_for_its_framing():
    asking = Asking(Request("POST", "/a?b", POST.headers[:3], POST.body))
    assert asking.to_send == (
        b"POST /a?b HTTP/1.1\r\nHost: web\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc"
    )
    assert Asking(Request("GET", "/", (("Host", "web"),))).to_send.count(b"\r\n") == 4


def test_what_http_can_not_say_is_refused():
    with pytest.raises(UsageError, match="POST /a\\?b can't be sent"):
        Asking(POST)


@pytest.mark.parametrize(
    "request_",
    [
        Request("GET", "/ü"),
        Request("GËT", "/"),
        Request("GET", "/", (("Host", "web"), ("X-€", "1"))),
        Request("GET", "/", (("Host", "web"), ("X-A", "\ud800"))),
    ],
)
def test_what_is_no_text_of_http_is_refused_with_a_hint(request_):
    with pytest.raises(UsageError, match="can't be sent") as caught:
        Asking(request_)
    assert "ASCII" in caught.value.hint


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_the_answer_is_whole_however_it_comes(step):
    asking = Asking(Request("GET", "/", (("Host", "web"),)))
    raw = (
        b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 404 Not Found\r\nX-Shop: 1\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
    )
    found = [asking.heard(raw[at : at + step]) for at in range(0, len(raw), step)]
    assert found[:-1] == [None] * (len(found) - 1)
    assert asking.more() == b""
    answer = found[-1]
    assert answer is not None
    assert (answer.status, answer.reason, answer.body.data) == (404, "Not Found", b"hi")
    assert ("X-Shop", "1") in answer.headers


def test_an_answer_may_end_with_the_connection():
    asking = Asking(Request("GET", "/", (("Host", "web"),)))
    assert asking.heard(b"HTTP/1.0 200 OK\r\n\r\nabc") is None
    answer = asking.heard(b"")
    assert answer is not None
    assert answer.body.data == b"abc"


@pytest.mark.parametrize(
    "data", [b"", b"hello\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"]
)
def test_no_answer_is_said(data):
    asking = Asking(Request("GET", "/", (("Host", "web"),)))
    with pytest.raises(BadAnswer):
        assert asking.heard(data) or asking.heard(b"")


def test_codings_that_cant_be_read_are_not_asked_for():
    assert readable((("accept-encoding", "gzip;q=1, br, zstd"),)) == (
        ("Accept-Encoding", "gzip;q=1"),
    )
    assert readable((("Accept-Encoding", "br"),)) == (("Accept-Encoding", "identity"),)
    assert readable((("A", "b"),)) == (("A", "b"),)


def test_a_header_is_replaced_whatever_its_spelling():
    assert replaced((("a", "1"), ("B", "2"), ("A", "3")), "A", "4") == (("B", "2"), ("A", "4"))
