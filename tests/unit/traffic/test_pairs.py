from ktconnect.traffic.exchange import Answer, Body, Exchange, Request
from ktconnect.traffic.pairs import MOST, PATIENCE, Pair, Pairs


def asked(name, target="/"):
    return Exchange(Request("GET", target, (("X-Request-Id", name),)), None)


def test_the_two_find_each_other_in_any_order():
    pairs = Pairs()
    one, two = asked("a", "/o"), asked("a", "/l")
    assert [*pairs.seen("origin", one, 0)] == []
    assert [*pairs.seen("laptop", two, 1)] == [Pair(one, two)]
    assert [*pairs.seen("laptop", two, 2)] == []
    assert [*pairs.seen("origin", one, 3)] == [Pair(one, two)]
    assert [*pairs.rest()] == []


def test_a_name_that_is_used_again_is_paired_in_order():
    pairs = Pairs()
    first, second, other = asked("a", "/1"), asked("a", "/2"), asked("a", "/l")
    assert [*pairs.seen("origin", first, 0), *pairs.seen("origin", second, 0)] == []
    assert [*pairs.seen("laptop", other, 0)] == [Pair(first, other)]
    assert [*pairs.seen("laptop", other, 0)] == [Pair(second, other)]


def test_who_waits_for_too_long_is_told_alone_if_it_is_the_laptop():
    pairs = Pairs()
    assert [*pairs.seen("origin", asked("x"), 0)] == []
    assert [*pairs.seen("laptop", asked("a"), 1)] == []
    assert [*pairs.seen("laptop", asked("a"), 2)] == []
    assert [*pairs.late(PATIENCE)] == []
    assert [*pairs.late(PATIENCE + 3)] == [Pair(None, asked("a"))] * 2
    assert [*pairs.seen("laptop", asked("x"), PATIENCE + 4)] == []  # the origin was forgotten


def test_requests_without_a_name_are_never_paired():
    pairs = Pairs()
    bare = Exchange(Request("GET", "/"), None)
    assert [*pairs.seen("origin", bare, 0), *pairs.seen("laptop", bare, 0)] == []
    assert [*pairs.rest()] == [Pair(None, bare)]


def test_of_too_much_the_oldest_gives_way():
    pairs, large = Pairs(), Body.whole(b"x" * (MOST // 4))

    def weighty(name):
        request = Request("GET", "/", (("x-request-id", name),), large)
        return Exchange(request, Answer(200, (), large))

    assert [*pairs.seen("laptop", weighty("1"), 0)] == []
    assert [*pairs.seen("laptop", weighty("2"), 0)] == [Pair(None, weighty("1"))]
    assert [*pairs.seen("origin", weighty("2"), 0)] == [Pair(weighty("2"), weighty("2"))]
    assert [*pairs.seen("laptop", weighty("3"), 0)] == []
