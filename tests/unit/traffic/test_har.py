import json
from dataclasses import replace

from ktconnect.traffic.exchange import Answer, Body, Exchange, Request
from ktconnect.traffic.har import TAIL, entry_of, more, opening
from ktconnect.traffic.har_read import read_har

SEEN = Exchange(
    Request(
        "POST",
        "/cart?x=1&y=",
        (("Host", "web"), ("Content-Type", "text/plain"), ("Cookie", "sid=42")),
        Body.whole("é".encode()),
    ),
    Answer(302, (("Location", "/next"),), Body.whole(b"\xff\x00"), "Found"),
    1_700_000_000.25,
    0.0125,
)


def file_of(*entries):
    """As it is written: each entry over the tail."""
    text = opening("1.0")
    for number, entry in enumerate(entries):
        text = text[: -len(TAIL)] + more(entry, first=not number)
    return text


def test_a_file_is_whole_after_every_entry():
    for count in range(3):
        log = json.loads(file_of(*[entry_of(SEEN)] * count))["log"]
        assert log["version"] == "1.2"
        assert log["creator"] == {"name": "ktctl", "version": "1.0"}
        assert len(log["entries"]) == count


def test_an_entry_has_what_the_format_asks_for():
    entry = entry_of(SEEN)
    assert entry["startedDateTime"] == "2023-11-14T22:13:20.250+00:00"
    assert entry["time"] == 12.5
    unseen = dict.fromkeys(("blocked", "dns", "connect", "ssl"), -1)
    assert entry["timings"] == unseen | {"send": 0, "wait": 12.5, "receive": 0}
    assert entry["request"]["url"] == "http://web/cart?x=1&y="
    assert entry["request"]["queryString"] == [
        {"name": "x", "value": "1"},
        {"name": "y", "value": ""},
    ]
    assert entry["request"]["postData"] == {"mimeType": "text/plain", "text": "é"}
    assert entry["response"]["redirectURL"] == "/next"
    assert entry["response"]["content"] == {
        "size": 2,
        "mimeType": "x-unknown",
        "text": "/wA=",
        "encoding": "base64",
    }
    assert {"name": "Cookie", "value": "sid=(not recorded)"} in entry["request"]["headers"]


def test_a_time_that_is_not_known_is_said_not_to_be():
    entry = entry_of(replace(SEEN, seconds=0.0))
    assert (entry["time"], entry["timings"]["wait"]) == (0, 0)  # the format has nothing below
    assert entry["timings"]["comment"] == "not known"


def test_secrets_are_written_only_when_asked_for():
    assert {"name": "Cookie", "value": "sid=42"} in entry_of(SEEN, secrets=True)["request"][
        "headers"
    ]


def test_what_is_written_is_read_again():
    (read,) = read_har(file_of(entry_of(SEEN, secrets=True)).decode())
    assert read == SEEN


def test_the_answer_of_the_laptop_stands_beside_that_of_the_origin():
    entry = entry_of(SEEN, Answer(200, (), Body(b"abc", 9)), by="laptop")
    assert entry["_laptop"]["status"] == 200
    assert entry["_laptop"]["content"]["_cut"] is True
    assert entry["_answeredBy"] == "laptop"


def test_a_request_without_an_answer_is_kept_with_the_reason():
    lost = Exchange(Request("GET", "http://web/a"), None, failure="connection refused")
    entry = entry_of(lost)
    assert entry["request"]["url"] == "http://web/a"
    assert entry["response"]["status"] == 0
    (read,) = read_har(file_of(entry).decode())
    assert read.answer is None
    assert read.failure == "connection refused"
    assert entry_of(Exchange(Request("GET", "/?u=http://x"), None))["request"]["url"] == (
        "http://unknown/?u=http://x"
    )


def test_trailers_are_written_and_read_again():
    assert SEEN.answer is not None
    answer = replace(SEEN.answer, trailers=(("grpc-status", "0"), ("x-token", "t")))
    text = file_of(entry_of(replace(SEEN, answer=answer))).decode()
    (read,) = read_har(text)
    assert read.answer is not None
    assert read.answer.trailers == (("grpc-status", "0"), ("x-token", "(not recorded)"))
    assert "_trailers" not in file_of(entry_of(SEEN)).decode()
