import struct
from ipaddress import ip_address

import dns.flags
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.dns.messages import answers, query, read, response

from ktconnect.dns.message import (
    FORMERR,
    HEADER,
    NOTIMP,
    NXDOMAIN,
    SERVFAIL,
    answer,
    answer_count,
    as_asked,
    is_answer_to,
    is_query,
    is_truncated,
    opcode,
    parse_question,
    rcode,
    records,
    renamed,
    truncated,
    with_brief_no,
    with_id,
)
from ktconnect.dns.name import FormatError, to_wire

FULL = "web.shop.svc.cluster.local."
ZONE = (
    f"{FULL} 30 IN CNAME real.{FULL}",
    f"real.{FULL} 30 IN A 10.96.0.10",
    f"{FULL} 30 IN MX 10 mail.{FULL}",
    f"{FULL} 30 IN SRV 1 2 80 web-0.{FULL}",
    f"{FULL} 30 IN SOA ns.{FULL} admin.{FULL} 1 2 3 4 5",
    f"{FULL} 30 IN PTR host.{FULL}",
    f'{FULL} 30 IN TXT "some text" "more"',
    f"{FULL} 30 IN AAAA fd00::10",
    f"{FULL} 30 IN CAA 0 issue ca.example",
)
some_records = st.lists(st.sampled_from(ZONE), max_size=9, unique=True)


def test_the_question_is_read_with_what_the_asker_takes():
    question = parse_question(query("Web.Shop", "AAAA"))
    assert (question.name, question.qtype, question.qclass) == ("web.shop", 28, 1)
    assert (question.udp_size, question.edns) == (512, False)
    assert parse_question(query("web", edns=1232)).udp_size == 1232
    assert parse_question(query("web", edns=100)).udp_size == 512
    assert parse_question(query("web", edns=100)).edns


def test_additional_records_without_edns_leave_the_plain_size():
    with_tsig_like = bytearray(query("web")) + b"\0\0\x01\0\x01\0\0\0\0\0\0"
    with_tsig_like[11] = 1
    assert parse_question(bytes(with_tsig_like)).udp_size == 512


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\0" * HEADER,
        query("web")[:-1],
        query("web")[:14],
        query("web", edns=1232)[:-1],
        query("web", edns=1232)[:-5],
        query("web", edns=1232)[:-2] + b"\0\x09\0\0\0",
    ],
)
def test_a_malformed_query_is_a_format_error(message):
    with pytest.raises(FormatError):
        parse_question(message)


def test_records_need_a_header():
    with pytest.raises(FormatError):
        records(b"\0\0", 0)


@given(st.binary(max_size=80))
def test_no_bytes_raise_anything_but_a_format_error(data):
    for message in (data, data[:4] + b"\0\1" + data[6:], query("a.b") + data):
        for parse in (
            parse_question,
            lambda m: renamed(m, to_wire("x")),
            lambda m: truncated(m, 5),
        ):
            try:
                parse(message)
            except FormatError:
                pass
        is_query(message)
        is_answer_to(query("a.b", number=0), message)


@given(st.integers(0, 500), st.binary(max_size=4), some_records)
def test_a_damaged_response_raises_nothing_but_a_format_error(at, damage, rows):
    wire = response(query(FULL), *rows)
    at = at % len(wire)
    damaged = wire[:at] + damage + wire[at + len(damage) :]
    for change in (lambda m: renamed(m, to_wire("x")), lambda m: truncated(m, 20)):
        try:
            change(damaged)
        except FormatError:
            pass


def test_what_is_a_query_and_what_an_answer():
    asked = query("web")
    assert is_query(asked)
    assert not is_query(b"")
    assert not is_query(response(asked))
    assert opcode(asked) == 0


def test_an_answer_has_the_same_id_and_question_in_any_letter_case():
    asked = query("Web.Shop")
    assert is_answer_to(asked, response(query("web.shop")))
    assert not is_answer_to(asked, response(with_id(asked, 7)))
    assert not is_answer_to(asked, response(query("web.else")))
    assert not is_answer_to(asked, asked)
    assert not is_answer_to(asked, b"\x12\x34")
    assert not is_answer_to(asked[:14], response(asked))


def test_an_error_without_a_question_is_an_answer_an_empty_success_is_not():
    asked = query("web")
    assert is_answer_to(asked, answer(asked, None, FORMERR))
    assert not is_answer_to(asked, answer(asked, None))


def test_a_shared_response_is_returned_under_the_askers_own_id_and_letter_case():
    shared = response(query("web.shop", number=1), "web.shop. 5 IN A 10.0.0.1")
    asked = query("WEB.shop", number=2)
    own = as_asked(asked, parse_question(asked), shared)
    assert own == response(asked, "WEB.shop. 5 IN A 10.0.0.1")
    bare = as_asked(asked, parse_question(asked), answer(query("web", number=1), None, FORMERR))
    assert (read(bare).id, rcode(bare)) == (2, FORMERR)


@pytest.mark.parametrize("code", [SERVFAIL, NXDOMAIN, NOTIMP])
def test_a_failure_made_here_is_read_by_others(code):
    asked = query("web.shop", edns=1232)
    made = read(answer(asked, parse_question(asked), code))
    assert made.rcode() == code
    assert read(asked).is_response(made)
    assert made.edns == 0


def test_addresses_made_here_are_read_by_others():
    asked = query("web.shop")
    made = answer(asked, parse_question(asked), addresses=[ip_address("10.0.0.1")], ttl=9)
    assert answers(made) == ["web.shop. 9 IN A 10.0.0.1"]
    assert answer_count(made) == 1
    made = answer(asked, parse_question(asked), addresses=[ip_address("fd00::1")])
    assert answers(made) == ["web.shop. 5 IN AAAA fd00::1"]


def test_what_fits_is_not_truncated():
    wire = response(query("web"), "web. 5 IN A 10.0.0.1")
    assert truncated(wire, 512) is wire


@pytest.mark.parametrize("edns", [None, 1232])
def test_what_is_too_long_keeps_its_question_and_edns_and_says_truncated(edns):
    wire = response(query("web", edns=edns), *(f"web. 5 IN A 10.0.0.{i}" for i in range(99)))
    short = truncated(wire, 512)
    made = read(short)
    assert is_truncated(short)
    assert len(short) < 60
    assert made.flags & dns.flags.TC
    assert made.question == read(wire).question
    assert (made.answer, made.edns) == ([], read(wire).edns)


@given(some_records, st.sampled_from(["web", "web.shop", "W.x"]))
def test_a_renamed_response_says_the_same_under_the_name_that_was_asked(rows, short):
    wire = response(query(FULL, edns=1232), *rows)
    made = read(renamed(wire, to_wire(short)))
    expected = [
        row.replace(FULL, f"{short}.", 1).lower() if row.startswith(FULL) else row.lower()
        for row in answers(wire)
    ]
    assert [row.lower() for row in answers(renamed(wire, to_wire(short)))] == expected
    assert made.question[0].name.to_text().lower() == f"{short}.".lower()
    assert made.edns == 0


@given(some_records)
def test_renaming_there_and_back_changes_nothing(rows):
    wire = response(query(FULL), *rows)
    back = renamed(renamed(wire, to_wire("web")), to_wire(FULL))
    assert read(back) == read(wire)
    assert answers(back) == answers(wire)


def test_a_renamed_query_asks_the_same_for_the_other_name():
    asked = read(renamed(query("web", "SRV", edns=1400, cookie=b"12345678"), to_wire(FULL)))
    assert asked == read(query(FULL, "SRV", edns=1400, cookie=b"12345678"))
    assert asked.options == read(query(FULL, "SRV", edns=1400, cookie=b"12345678")).options


def test_an_empty_record_of_a_type_with_names_stays_empty():
    wire = bytearray(query("web")) + b"\0" + struct.pack("!HHIH", 5, 1, 0, 0)
    wire[7] = 1
    assert renamed(bytes(wire), to_wire("web")) == bytes(wire)


def test_a_name_that_leaves_its_record_is_a_format_error():
    wire = bytearray(query("web")) + b"\0" + struct.pack("!HHIH", 5, 1, 0, 2) + b"\x03web\0"
    wire[7] = 1
    with pytest.raises(FormatError):
        renamed(bytes(wire), to_wire("x"))


NO = "shop. {ttl} IN SOA ns.shop. admin.shop. 1 2 3 4 86400"


@pytest.mark.parametrize("code", ["NXDOMAIN", "NOERROR"])
@pytest.mark.parametrize(("said", "kept"), [(86400, 5), (5, 5), (2, 2)])
def test_a_no_is_made_brief_but_never_longer(code, said, kept):
    asked = query("web.shop")
    wire = response(asked, authority=(NO.format(ttl=said),), code=code)
    brief = read(with_brief_no(wire, parse_question(asked).end, 5))
    assert [rrset.ttl for rrset in brief.authority] == [kept]


def test_answers_and_failures_are_not_made_brief():
    asked = query("web.shop")
    end = parse_question(asked).end
    for wire in (
        response(asked, "web.shop. 60 IN A 192.0.2.1", authority=(NO.format(ttl=60),)),
        response(asked, authority=(NO.format(ttl=60),), code="SERVFAIL"),
    ):
        assert with_brief_no(wire, end, 5) == wire
