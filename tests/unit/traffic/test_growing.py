import hashlib

import h11

from ktconnect.traffic.exchange import KEPT
from ktconnect.traffic.growing import Growing, headers_of


def test_the_beginning_is_kept_and_the_whole_is_measured():
    growing = Growing()
    for _ in range(3):
        growing.more(b"x" * (KEPT // 2))
    body = growing.body()
    assert (len(body.data), body.size) == (KEPT, KEPT // 2 * 3)
    assert body.digest == hashlib.sha256(b"x" * body.size).hexdigest()


def test_headers_keep_their_spelling():
    event = h11.Response(status_code=200, headers=[(b"X-Mixed", "é".encode("latin-1"))])
    assert headers_of(event) == (("X-Mixed", "é"),)
