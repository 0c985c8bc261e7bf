import json

import pytest

from ktconnect.errors import UsageError
from ktconnect.traffic.har_read import read_har


def har(*entries):
    return json.dumps({"log": {"entries": entries}})


def at(path, moment=""):
    said = {"startedDateTime": f"2026-01-02T03:04:{moment}Z"} if moment else {}
    return {**said, "request": {"method": "GET", "url": f"http://a{path}"}}


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


def test_one_that_does_not_say_when_began_with_its_neighbour():
    read = read_har(har(at("/1"), at("/2", "09"), at("/3"), at("/4", "05")))
    assert [each.request.target for each in read] == ["/4", "/1", "/2", "/3"]
    assert [each.began - read[0].began for each in read] == [0, 4, 4, 4]
    assert [each.began for each in read_har(har(at("/1"), at("/2")))] == [0, 0]


def test_a_target_is_as_a_request_line_may_have_it():
    (read,) = read_har(har(at("/ü b%20?q=€&a=[1]")))
    assert read.request.target == "/%C3%BC%20b%20?q=%E2%82%AC&a=[1]"


def test_halves_of_letters_are_read_as_what_can_be_sent():
    text = har(at("/")).replace("http://a/", "http://a/\\ud800").replace("GET", "G\\udfff")
    (read,) = read_har(text)
    assert f"{read.request.method} {read.request.target}" == "G\\udfff /\\ud800"


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
        ('{"log":{"entries":null}}', "log.entries is no list"),
        ('{"log":{"entries":{"a":1}}}', "log.entries is no list"),
        ("[" * 100_000, "nested too deeply"),
        (har({**BROWSER, "startedDateTime": "0001-01-01T00:00:00"}), "entry 1"),
        (har({**BROWSER, "time": [1]}), "entry 1: TypeError"),
        (har(at("/")).replace("}]", ',"response":{"status":1e999}}]'), "entry 1: OverflowError"),
    ],
)
def test_what_is_no_har_is_said_with_the_place(text, why):
    with pytest.raises(UsageError, match="can't be read as HAR") as caught:
        read_har(text)
    assert why in str(caught.value)
