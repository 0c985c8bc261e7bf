import pytest

from ktconnect.errors import ProtocolError
from ktconnect.wire.stream import CAN_RECEIVE, CAN_SEND, TRANSITIONS, State, Step, advance


def test_each_direction_ends_by_itself():
    state = advance(State.OPEN, Step.SEND_EOF)
    assert advance(state, Step.GET_DATA) is State.SENT_EOF
    assert advance(state, Step.GET_EOF) is State.CLOSED
    state = advance(State.OPEN, Step.GET_EOF)
    assert advance(state, Step.SEND_DATA) is State.GOT_EOF
    assert advance(state, Step.SEND_EOF) is State.CLOSED


def test_a_reset_ends_both_directions_at_any_time():
    alive = [state for state in State if state is not State.CLOSED]
    assert {advance(state, Step.RESET) for state in alive} == {State.CLOSED}


def test_what_may_be_sent_and_received_follows_from_the_table():
    assert {State.OPEN, State.GOT_EOF} == CAN_SEND
    assert {State.OPEN, State.SENT_EOF} == CAN_RECEIVE


def test_every_step_that_is_not_in_the_table_is_an_error_with_a_name():
    for state in State:
        for step in set(Step) - set(TRANSITIONS[state]):
            with pytest.raises(ProtocolError, match=f"{step} on a stream that is {state}"):
                advance(state, step)
