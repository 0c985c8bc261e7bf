"""The life of one stream, as a table. Every legal transition is a line below.

A stream is open from the first moment: data may follow OPEN at once, whether or not the other
side has reached the target yet. Each direction ends by itself; a reset ends both.
"""

import enum
from typing import Final

from ktconnect.errors import ProtocolError


class State(enum.StrEnum):
    """Which directions are still open, seen from our side."""

    OPEN = "open"
    SENT_EOF = "sent EOF"
    GOT_EOF = "got EOF"
    CLOSED = "closed"


class Step(enum.StrEnum):
    """What we or the peer do to a stream."""

    SEND_DATA = "sending data"
    SEND_EOF = "sending EOF"
    GET_DATA = "data"
    GET_EOF = "EOF"
    RESET = "reset"


TRANSITIONS: Final = {
    State.OPEN: {
        Step.SEND_DATA: State.OPEN,
        Step.GET_DATA: State.OPEN,
        Step.SEND_EOF: State.SENT_EOF,
        Step.GET_EOF: State.GOT_EOF,
        Step.RESET: State.CLOSED,
    },
    State.SENT_EOF: {
        Step.GET_DATA: State.SENT_EOF,
        Step.GET_EOF: State.CLOSED,
        Step.RESET: State.CLOSED,
    },
    State.GOT_EOF: {
        Step.SEND_DATA: State.GOT_EOF,
        Step.SEND_EOF: State.CLOSED,
        Step.RESET: State.CLOSED,
    },
    State.CLOSED: {},
}

CAN_SEND: Final = frozenset(s for s in State if Step.SEND_DATA in TRANSITIONS[s])
"""States in which our side may still send data."""

CAN_RECEIVE: Final = frozenset(s for s in State if Step.GET_DATA in TRANSITIONS[s])
"""States in which the peer may still send data."""


def advance(state: State, step: Step) -> State:
    """The state after ``step``.

    Raises: ProtocolError when the step is not legal in this state.
    """
    after = TRANSITIONS[state].get(step)
    if after is None:
        raise ProtocolError(f"{step} on a stream that is {state}")
    return after
