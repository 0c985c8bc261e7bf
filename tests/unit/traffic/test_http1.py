import hashlib

from hypothesis import given
from hypothesis import strategies as st

from ktconnect.traffic.exchange import KEPT
from ktconnect.traffic.http1 import Http1

POST = b"POST /a?b=1 HTTP/1.1\r\nHost: web\r\nX-Mixed: Yes\r\nContent-Length: 3\r\n\r\nabc"
GET = b"GET /2 HTTP/1.1\r\nHost: web\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
CHUNKED = b"HTTP/1.1 201 Made\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n1\r\n!\r\n0\r\n\r\n"


@given(st.integers(1, 40), st.integers(1, 40))
def test_exchanges_are_read_however_the_bytes_are_cut(step, other):
    watcher, found = Http1(), []
    for at in range(0, len(POST), step):
        found += watcher.requested(POST[at : at + step], 1.0)
    for at in range(0, len(CHUNKED), other):
        found += watcher.answered(CHUNKED[at : at + other], 3.0)
    (seen,) = found
    assert (seen.request.method, seen.request.target) == ("POST", "/a?b=1")
    assert ("X-Mixed", "Yes") in seen.request.headers
    assert seen.request.body.data == b"abc"
    assert seen.answer is not None
    assert (seen.answer.status, seen.answer.reason) == (201, "Made")
    assert seen.answer.body.data == b"hi!"
    assert (seen.began, seen.seconds) == (1.0, 2.0)
    assert not watcher.lost


def test_one_connection_carries_many_also_ahead_of_their_answers():
    watcher = Http1()
    assert watcher.requested(GET + POST, 1.0) == []
    first, second = watcher.answered(OK + CHUNKED, 2.0)
    assert (first.request.target, second.request.target) == ("/2", "/a?b=1")
    assert not watcher.pending


def test_an_answer_that_ends_with_the_connection_is_whole_at_its_end():
    watcher = Http1()
    watcher.requested(GET, 1.0)
    assert watcher.answered(b"HTTP/1.0 200 OK\r\n\r\nabc", 2.0) == []
    (seen,) = watcher.answered(b"", 3.0)
    assert seen.answer is not None
    assert seen.answer.body.data == b"abc"
    assert watcher.requested(b"", 3.0) == []
    assert watcher.abandoned("closed", 4.0) == []


def test_http_1_0_is_read_as_well():
    watcher = Http1()
    watcher.requested(b"GET /old HTTP/1.0\r\n\r\n", 1.0)
    (seen,) = watcher.answered(OK.replace(b"1.1", b"1.0"), 2.0)
    assert seen.request.version == "HTTP/1.0"
    assert seen.answer is not None
    assert seen.answer.version == "HTTP/1.0"
    watcher = Http1()
    watcher.requested(GET.replace(b"1.1", b"1.0"), 1.0)
    assert len(watcher.answered(OK, 2.0)) == 1


def test_bytes_after_the_readable_ones_end_the_reading_alone():
    watcher = Http1()
    watcher.requested(GET, 1.0)
    assert watcher.answered(b"what is this\r\n\r\n", 2.0) == []
    assert watcher.lost
    assert watcher.answered(OK, 2.0) == []


def test_interim_answers_are_passed_over():
    watcher = Http1()
    watcher.requested(POST.replace(b"\r\n\r\nabc", b"\r\nExpect: 100-continue\r\n\r\n"), 1.0)
    assert watcher.answered(b"HTTP/1.1 100 Continue\r\n\r\n", 1.1) == []
    watcher.requested(b"abc", 1.2)
    (seen,) = watcher.answered(OK, 2.0)
    assert seen.answer is not None
    assert seen.answer.status == 200


def test_an_answer_that_is_faster_than_its_question_is_kept_for_it():
    watcher = Http1()
    assert watcher.answered(OK, 1.0) == []
    (seen,) = watcher.requested(GET, 2.0)
    assert seen.answer is not None
    assert seen.answer.body.data == b"hi"


def test_of_long_bodies_the_beginning_is_kept_and_all_is_measured():
    watcher, size = Http1(), KEPT + 7
    watcher.requested(GET, 1.0)
    found = watcher.answered(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size, 2.0)
    found += watcher.answered(b"x" * size, 2.0)
    assert found[0].answer is not None
    body = found[0].answer.body
    assert (len(body.data), body.size, body.is_cut) == (KEPT, size, True)
    assert body.digest == hashlib.sha256(b"x" * size).hexdigest()


def test_what_is_no_http_is_not_read_and_that_is_said():
    watcher = Http1()
    assert watcher.requested(b"\x16\x03\x01 hello\r\n\r\n", 1.0) == []
    assert watcher.lost
    assert watcher.requested(GET, 1.0) == []


def test_headers_after_a_body_are_kept():
    watcher = Http1()
    watcher.requested(GET, 1.0)
    (seen,) = watcher.answered(CHUNKED[:-2] + b"X-Sum: 9\r\n\r\n", 2.0)
    assert seen.answer is not None
    assert seen.answer.trailers == (("X-Sum", "9"),)


def test_after_an_upgrade_nothing_is_read():
    watcher = Http1()
    watcher.requested(
        GET.replace(b"\r\n\r\n", b"\r\nUpgrade: ws\r\nConnection: upgrade\r\n\r\n"), 1.0
    )
    found = watcher.answered(b"HTTP/1.1 101 Switching\r\nUpgrade: ws\r\n\r\n\x81\x01a", 2.0)
    assert found == []
    assert watcher.answered(b"\x81\x01b", 2.0) == []


def test_a_request_without_a_whole_answer_is_told_with_the_reason():
    watcher = Http1()
    watcher.requested(POST, 1.0)
    assert watcher.pending
    (seen,) = watcher.abandoned("connection refused", 4.0)
    assert seen.answer is None
    assert seen.failure == "connection refused"
    assert seen.request.body.data == b"abc"
    assert seen.seconds == 3.0
