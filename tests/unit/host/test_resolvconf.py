import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktconnect.host.laptop import Resolver
from ktconnect.host.resolvconf import our_lines, ours, read_resolver, with_ours, without_ours

OURS = ["nameserver 127.0.0.77", "search demo.svc.cluster.local corp.example"]
BEFORE = "# by hand\nsearch corp.example\nnameserver 192.0.2.1\nnameserver 192.0.2.2\n"


def test_our_server_comes_first_and_the_old_ones_stay_behind_it():
    assert (
        with_ours(BEFORE, "s1", OURS)
        == """\
# Kt Begin s1: these lines are of `ktctl connect`, and taken away when it ends
nameserver 127.0.0.77
search demo.svc.cluster.local corp.example
# Kt End s1
# by hand
#kt-s1# search corp.example
nameserver 192.0.2.1
nameserver 192.0.2.2
"""
    )


def test_a_search_list_is_left_alone_if_ours_has_none():
    assert "\nsearch corp.example\n" in with_ours(BEFORE, "s1", OURS[:1])


TEXTS = st.lists(
    st.sampled_from(
        ["nameserver 192.0.2.1", "search a.example b.example", "domain x", "# note", "", " ", "\r"]
    )
).map("\n".join)


@given(TEXTS, st.sampled_from([OURS, OURS[:1]]))
def test_taking_ours_out_restores_every_byte(text, lines):
    changed = with_ours(text, "s1", lines)
    assert ours(changed, "s1") == lines
    assert without_ours(changed, "s1") == text
    assert without_ours(with_ours(changed, "s1", OURS), "s1") == text


@given(TEXTS)
def test_two_sessions_can_end_in_any_order(text):
    both = with_ours(with_ours(text, "s1", OURS), "s2", ["nameserver 127.0.0.78", "search b"])
    assert ours(both, "s1") == OURS
    first, second = without_ours(both, "s1"), without_ours(both, "s2")
    assert without_ours(first, "s2") == without_ours(second, "s1") == text


def test_a_file_that_was_not_there_is_gone_again():
    made = with_ours(None, "s1", OURS)
    assert ours(made, "s1") == OURS
    assert without_ours(made, "s1") is None
    assert without_ours(made + "options rotate\n", "s1") == "options rotate\n"


def test_without_a_file_there_is_nothing_of_ours():
    assert ours(None, "s1") is None
    assert without_ours(None, "s1") is None


def test_a_block_without_its_end_is_not_touched():
    torn = with_ours(BEFORE, "s1", OURS).replace("# Kt End s1\n", "")
    assert ours(torn, "s1") is None


def test_our_search_list_goes_before_the_old_one_and_repeats_nothing():
    before = Resolver("resolv.conf", ("192.0.2.1",), ("corp.example", "b"))
    assert our_lines("127.0.0.77", ("a", "b"), before) == [
        "nameserver 127.0.0.77",
        "search a b corp.example",
    ]
    assert our_lines("127.0.0.77", (), before) == ["nameserver 127.0.0.77"]


@pytest.mark.parametrize(
    ("text", "servers", "search"),
    [
        (BEFORE, ("192.0.2.1", "192.0.2.2"), ("corp.example",)),
        ("nameserver\nnameserver ::1 # x\n", ("::1",), ()),
        ("nameserver dns.example\nnameserver fe80::1%eth0\n", ("fe80::1%eth0",), ()),
        ("search a\ndomain b\n", (), ("b",)),
        ("", (), ()),
        (None, (), ()),
    ],
)
def test_who_answers_now(text, servers, search):
    assert read_resolver(text, "s1") == Resolver("resolv.conf", servers, search)


def test_who_answered_before_us_is_not_us_nor_a_session_that_asks_us():
    first = with_ours(BEFORE, "s1", OURS)
    both = with_ours(first, "s2", ["nameserver 127.0.0.78"])
    alone = Resolver("resolv.conf", ("192.0.2.1", "192.0.2.2"), ("corp.example",))
    assert read_resolver(first, "s1") == alone
    assert read_resolver(both, "s1") == alone
    assert read_resolver(both, "s2").nameservers == ("127.0.0.77", "192.0.2.1", "192.0.2.2")
