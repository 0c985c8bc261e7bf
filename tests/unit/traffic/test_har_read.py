import json

import pytest

from ktconnect.errors import UsageError
from ktconnect.traffic.har_read import read_har


def har(*entries):
    return json.dumps({"log": {"entries": entries}})


BROWSER = {
    "startedDateTime": "2026-01-02T03:04:05.678Z",
    "time": 12,
    "_priority": "High",
    "request": {
        "method": "POST",
        "url": "https://ann:pw@shop.test:8443/login?next=%2F#top",
        "httpVersion": "h2",
        "headers": [
            {"name": ":authority", "value": "shop.test"},
            {"name": "content-length", "value": "17"},
            {"name": "accept", "value": "*/*"},
        ],
        "postData": {"mimeType": "x", "params": [{"name": "user", "value": "a b"}, {"name": "z"}]},
    },
    "response": {
        "status": 200,
        "headers": [{"name": "content-encoding", "value": "br"}],
        "content": {"size": 2, "text": "hi"},
    },
}


def test_what_a_browser_saved_is_read_as_http_1_1():
    (read,) = read_har("\ufeff" + har(BROWSER))
    assert read.request.target == "/login?next=%2F"
    assert read.request.headers == (("Host", "shop.test:8443"), ("accept", "*/*"))
    assert read.request.body.data == b"user=a+b&z="
    assert read.answer is not None
    assert read.answer.headers == ()
    assert read.answer.body.data == b"hi"


def test_a_request_alone_is_enough_and_the_oldest_comes_first():
    late = {
        "startedDateTime": "2026-01-02T03:04:06Z",
        "request": {"method": "GET", "url": "http://a"},
    }
    early, second = read_har(har(late, BROWSER))
    assert early.request.method == "POST"
    assert second.request.target == "/"
    assert second.answer is None


def test_a_body_that_was_cut_stays_one():
    entry = {
        "request": {"method": "GET", "url": "http://a/b"},
        "response": {
            "status": 200,
            "content": {"text": "YWI=", "encoding": "base64", "_cut": True},
        },
    }
    (read,) = read_har(har(entry))
    assert read.answer is not None
    assert read.answer.body.data == b"ab"
    assert read.answer.body.is_cut


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "no JSON"),
        ("[]", "no log.entries"),
        ('{"log":{}}', "no log.entries"),
        (har({"request": {"method": "GET"}}), "entry 1: KeyError 'url'"),
        (har({"request": {"method": "GET", "url": "http://[", "headers": []}}), "entry 1"),
        (har(3), "entry 1: AttributeError"),
    ],
)
def test_what_is_no_har_is_said_with_the_place(text, why):
    with pytest.raises(UsageError, match="can't be read as HAR") as caught:
        read_har(text)
    assert why in str(caught.value)
