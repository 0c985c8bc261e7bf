import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktconnect.errors import ProtocolError
from ktconnect.wire import hello
from ktconnect.wire.hello import AgentDoor, AgentFacts, HelloRefused, LaptopDoor, token_digest

FACTS = AgentFacts(
    version="1", python="3.11.7", addresses=("10.0.0.1", "fd00::1"), resolv_conf="nameserver ::1\n"
)


def doors(token="secret"):
    return LaptopDoor("secret"), AgentDoor(token_digest(token), FACTS)


def fed(door, raw, cut=1 << 20):
    """Feed in pieces; the greeting and everything after it."""
    for at in range(0, len(raw), cut):
        greeted = door.feed(memoryview(raw[at : at + cut]))
        if greeted is not None:
            return greeted, bytes(greeted.rest) + raw[at + cut :]
    return None, b""


@given(st.integers(1, 200), st.binary(max_size=50))
def test_the_right_token_gets_the_facts_in_any_chunking(cut, frames):
    laptop, agent = doors()
    let_in, rest = fed(agent, laptop.knock + frames, cut)
    assert let_in is not None
    assert rest == frames
    greeted, rest = fed(laptop, let_in.reply + frames, cut)
    assert greeted is not None
    assert greeted.facts == FACTS
    assert rest == frames


def test_a_wrong_token_is_refused_with_the_reason_on_both_sides():
    laptop, agent = doors(token="other")
    with pytest.raises(HelloRefused, match="wrong token") as refused:
        fed(agent, laptop.knock)
    with pytest.raises(HelloRefused, match="the agent refused: wrong token"):
        fed(laptop, refused.value.farewell)


def test_the_token_is_in_no_refusal():
    laptop, agent = doors(token="other")
    with pytest.raises(HelloRefused) as refused:
        fed(agent, laptop.knock)
    assert b"secret" not in refused.value.farewell
    assert "secret" not in str(refused.value)


def test_another_version_of_the_protocol_is_refused_by_the_agent():
    laptop, agent = doors()
    knock = bytearray(laptop.knock)
    knock[len(hello.MAGIC)] += 1
    with pytest.raises(HelloRefused, match="protocol 3 is not 2"):
        fed(agent, bytes(knock))


def test_another_version_of_the_protocol_is_refused_by_the_laptop():
    laptop, agent = doors()
    let_in, _ = fed(agent, laptop.knock)
    assert let_in is not None
    reply = bytearray(let_in.reply)
    reply[len(hello.MAGIC)] += 1
    with pytest.raises(HelloRefused, match="speaks protocol 3") as refused:
        fed(laptop, bytes(reply))
    assert "--shareShadow" in refused.value.hint


def test_something_else_that_answers_is_noticed_at_its_first_bytes():
    laptop, _ = doors()
    with pytest.raises(ProtocolError, match="does not speak our protocol"):
        fed(laptop, b"HTTP/1.1 400 Bad Request\r\n")


def test_a_hello_that_is_too_long_is_refused_before_it_is_kept():
    _, agent = doors()
    with pytest.raises(ProtocolError, match="a hello of 300 bytes"):
        fed(agent, LaptopDoor("x" * 300).knock)


@pytest.mark.parametrize("body", [b"no json", b"[]", b'{"version": 1}'])
def test_a_greeting_that_can_not_be_read_is_a_protocol_error(body):
    laptop, _ = doors()
    with pytest.raises(ProtocolError, match="can't be read"):
        fed(laptop, hello._message(0, body))


@given(st.lists(st.binary(max_size=80), max_size=8))
def test_nothing_a_stranger_sends_raises_but_our_own_errors(chunks):
    for door in doors():
        try:
            for chunk in chunks:
                door.feed(memoryview(hello.MAGIC + chunk))
        except (ProtocolError, HelloRefused):
            pass
