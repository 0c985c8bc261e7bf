import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktconnect.errors import HostError
from ktconnect.host.hostsfile import block_of, with_block, without_block

BLOCK = ["10.96.0.7 web web.demo"]
OLD = "# Kt Hosts Begin\n10.0.0.1 old\n# Kt Hosts End\n"


def test_the_block_stands_at_the_end_in_the_form_of_kt_connect():
    assert with_block("127.0.0.1 localhost\n", BLOCK) == (
        "127.0.0.1 localhost\n# Kt Hosts Begin\n10.96.0.7 web web.demo\n# Kt Hosts End\n"
    )


@pytest.mark.parametrize("place", ["{}127.0.0.1 a\n", "127.0.0.1 a\n{}127.0.0.1 b\n", "a\n{}"])
def test_a_block_that_is_there_is_replaced_where_it_stands(place):
    changed = with_block(place.format(OLD), BLOCK)
    assert changed == place.format(OLD.replace("10.0.0.1 old", BLOCK[0]))
    assert without_block(changed) == place.format("")


TEXTS = st.lists(st.sampled_from(["127.0.0.1 localhost", "", "# note", "\t", "\r"])).map("\n".join)


@given(TEXTS, st.sampled_from([[], BLOCK, BLOCK * 3]))
def test_taking_the_block_out_restores_every_byte(text, block):
    changed = with_block(text, block)
    assert block_of(changed) == block
    assert with_block(changed, block) == changed
    assert without_block(with_block(changed, BLOCK)) == text


def test_lines_added_behind_the_block_stay_lines_of_their_own():
    changed = with_block("127.0.0.1 a", BLOCK) + "127.0.0.1 later\n"
    assert without_block(changed) == "127.0.0.1 a\n127.0.0.1 later\n"


def test_a_text_without_a_block_is_left_as_it_is():
    assert without_block("127.0.0.1 a") == "127.0.0.1 a"
    assert block_of("127.0.0.1 a") is None


@pytest.mark.parametrize(
    "text",
    [
        "# Kt Hosts Begin\n10.0.0.1 a\n",
        "10.0.0.1 a\n# Kt Hosts End\n",
        "# Kt Hosts End\n# Kt Hosts Begin\n",
        OLD + OLD,
    ],
)
@pytest.mark.parametrize("use", [block_of, without_block, lambda text: with_block(text, BLOCK)])
def test_half_a_block_is_refused(text, use):
    with pytest.raises(HostError, match="not whole"):
        use(text)
