import pytest
from tests.unit.traffic.test_http2 import ASKED, Cable

from ktconnect.traffic.watching import Watcher

GET = b"POST /a HTTP/1.1\r\nHost: web\r\nContent-Length: 0\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


@pytest.mark.parametrize("step", [1, 3, 1000])
def test_either_http_is_told_by_its_first_bytes(step):
    cable = Cable()
    cable.caller = type(cable.caller)(cable.caller.config)
    cable.caller.initiate_connection()
    cable.caller.send_headers(1, ASKED, end_stream=True)
    for data, version in ((cable.caller.data_to_send(), "HTTP/2"), (GET, "HTTP/1.1")):
        watcher = Watcher()
        assert not watcher.pending
        assert watcher.abandoned("nobody asked", 1.0) == []
        for at in range(0, len(data), step):
            assert watcher.requested(data[at : at + step], 1.0) == []
        assert watcher.pending
        assert not watcher.lost
        (seen,) = watcher.abandoned("closed", 2.0)
        assert seen.request.version == version


def test_an_answer_that_is_faster_than_its_question_is_kept_for_it():
    watcher = Watcher()
    assert watcher.answered(OK, 1.0) == []
    (seen,) = watcher.requested(GET, 2.0)
    assert seen.answer is not None
    assert seen.answer.body.data == b"hi"
    assert watcher.answered(b"", 3.0) == []


def test_what_is_neither_is_not_read_and_that_is_said():
    watcher = Watcher()
    assert watcher.requested(b"\x16\x03\x01 hello\r\n\r\n", 1.0) == []
    assert watcher.lost


def test_a_beginning_that_goes_no_further_is_none():
    watcher = Watcher()
    assert watcher.requested(b"PRI", 1.0) == []
    assert watcher.requested(b"", 1.0) == []
    assert not watcher.pending
