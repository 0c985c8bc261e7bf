import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktconnect.errors import HostError
from ktconnect.host.hostsfile import block_of, with_block, without_block

BLOCK = ["10.96.0.7 web web.demo"]
OLD = "# Kt Hosts Begin s1\n10.0.0.1 old\n# Kt Hosts End s1\n"


def test_the_block_stands_at_the_end_in_the_form_of_kt_connect():
    assert with_block("127.0.0.1 localhost\n", "s1", BLOCK) == (
        "127.0.0.1 localhost\n# Kt Hosts Begin s1\n10.96.0.7 web web.demo\n# Kt Hosts End s1\n"
    )


@pytest.mark.parametrize("place", ["{}127.0.0.1 a\n", "127.0.0.1 a\n{}127.0.0.1 b\n", "a\n{}"])
def test_a_block_that_is_there_is_replaced_where_it_stands(place):
    changed = with_block(place.format(OLD), "s1", BLOCK)
    assert changed == place.format(OLD.replace("10.0.0.1 old", BLOCK[0]))
    assert without_block(changed, "s1") == place.format("")


TEXTS = st.lists(st.sampled_from(["127.0.0.1 localhost", "", "# note", "\t", "\r"])).map("\n".join)


@given(TEXTS, st.sampled_from([[], BLOCK, BLOCK * 3]))
def test_taking_the_block_out_restores_every_byte(text, block):
    changed = with_block(text, "s1", block)
    assert block_of(changed, "s1") == block
    assert with_block(changed, "s1", block) == changed
    assert without_block(with_block(changed, "s1", BLOCK), "s1") == text


SESSIONS = ["s1", "s2", "s3"]


@given(TEXTS, st.permutations(SESSIONS))
def test_sessions_stand_beside_each_other_and_go_in_any_order(text, order):
    changed = text
    for session in SESSIONS:
        changed = with_block(changed, session, [f"10.0.0.1 {session}"])
    for session in order:
        assert block_of(changed, session) == [f"10.0.0.1 {session}"]
        changed = without_block(changed, session)
    assert changed == text


def test_lines_added_behind_the_block_stay_lines_of_their_own():
    changed = with_block("127.0.0.1 a", "s1", BLOCK) + "127.0.0.1 later\n"
    assert without_block(changed, "s1") == "127.0.0.1 a\n127.0.0.1 later\n"


def test_a_text_without_a_block_is_left_as_it_is():
    assert without_block("127.0.0.1 a", "s1") == "127.0.0.1 a"
    assert block_of("127.0.0.1 a", "s1") is None
    assert without_block(OLD, "s2") == OLD


@pytest.mark.parametrize(
    "text",
    [
        "# Kt Hosts Begin s1\n10.0.0.1 a\n",
        "10.0.0.1 a\n# Kt Hosts End s1\n",
        "# Kt Hosts End s1\n# Kt Hosts Begin s1\n",
        OLD + OLD,
    ],
)
@pytest.mark.parametrize(
    "use", [block_of, without_block, lambda text, session: with_block(text, session, BLOCK)]
)
def test_half_a_block_is_refused(text, use):
    with pytest.raises(HostError, match="not whole"):
        use(text, "s1")
