import pytest
from tests.unit.dns.messages import answers, query, read, response

from ktconnect.dns.cache import Cache, lifetime
from ktconnect.dns.message import parse_question, records

ASKED = query("web.shop", edns=1232)
END = parse_question(ASKED).end
SOA = "shop. 30 IN SOA ns.shop. admin.shop. 1 2 3 4 {}"


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def seconds(wire: bytes) -> float:
    return lifetime(wire, records(wire, END))


def kept(ttl: float, wire: bytes, after: float) -> bytes | None:
    clock = Clock()
    cache = Cache(ttl, clock)
    cache.put("key", wire, END)
    clock.now += after
    return cache.get("key")


def test_an_answer_lives_as_long_as_its_shortest_record():
    assert seconds(response(ASKED, "web.shop. 30 IN A 1.2.3.4", "web.shop. 9 IN TXT x")) == 9


def test_a_no_lives_as_long_as_the_soa_says_but_only_some_seconds():
    for code in ("NOERROR", "NXDOMAIN"):
        assert seconds(response(ASKED, authority=(SOA.format(3),), code=code)) == 3
        assert seconds(response(ASKED, authority=(SOA.format(600),), code=code)) == 5
        assert seconds(response(ASKED, code=code)) == 0


def test_failures_and_truncated_answers_are_not_kept():
    row = "web.shop. 30 IN A 1.2.3.4"
    assert seconds(response(ASKED, row, code="SERVFAIL")) == 0
    assert seconds(response(ASKED, row, truncated=True)) == 0
    assert kept(60, response(ASKED, code="SERVFAIL"), 0) is None


def test_a_kept_answer_grows_older():
    wire = response(ASKED, "web.shop. 30 IN A 1.2.3.4")
    assert kept(60, wire, 0.5) == wire
    older = kept(60, wire, 9.5)
    assert older
    assert answers(older) == ["web.shop. 21 IN A 1.2.3.4"]
    assert read(older).edns == 0
    assert kept(60, wire, 30) is None


def test_the_limit_of_the_user_counts_where_it_is_shorter():
    wire = response(ASKED, "web.shop. 30 IN A 1.2.3.4")
    assert kept(10, wire, 9)
    assert kept(10, wire, 10) is None
    assert kept(0, wire, 0) is None


def test_what_is_not_there_is_none_and_what_is_malformed_is_not_kept():
    assert Cache(60, Clock()).get("key") is None
    assert kept(60, response(ASKED, "web.shop. 30 IN A 1.2.3.4")[:-2], 0) is None


@pytest.mark.parametrize("size", [1, 3])
def test_the_oldest_goes_when_it_is_full(size):
    cache = Cache(60, Clock(), size)
    wire = response(ASKED, "web.shop. 30 IN A 1.2.3.4")
    for key in range(size + 1):
        cache.put(key, wire, END)
    assert cache.get(0) is None
    assert cache.get(size) == wire
