import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktconnect.errors import ProtocolError
from ktconnect.wire.window import INITIAL, MAXIMUM, Budget, ReceiveWindow, SendWindow


def use_up(window, now, rtt, times=1):
    """A peer that sends whole windows, and a local socket that takes them at once."""
    for _ in range(times):
        size = window.size
        window.received(size)
        window.accepted(size, now, rtt)


def test_credit_comes_back_in_quarters_of_the_window():
    window = ReceiveWindow(Budget())
    window.received(INITIAL)
    assert window.accepted(INITIAL // 4 - 1, 0.0, 0.01) == 0
    assert window.accepted(1, 0.0, 0.01) == INITIAL // 4


def test_on_a_short_line_credit_comes_back_in_halves():
    window = ReceiveWindow(Budget())
    window.received(INITIAL)
    assert window.accepted(INITIAL // 2 - 1, 0.0, 0.001) == 0
    assert window.accepted(1, 0.0, 0.001) == INITIAL // 2


def test_data_beyond_the_window_is_a_protocol_error():
    window = ReceiveWindow(Budget())
    window.received(INITIAL)
    with pytest.raises(ProtocolError, match="beyond the window"):
        window.received(1)


def test_a_window_used_up_faster_than_the_line_answers_doubles():
    window = ReceiveWindow(Budget())
    use_up(window, now=1.0, rtt=0.02)
    use_up(window, now=1.02, rtt=0.02)
    assert window.size == 2 * INITIAL


def test_on_a_short_line_a_window_holds_more_than_is_under_way():
    window = ReceiveWindow(Budget())
    use_up(window, now=1.0, rtt=0.0003)
    use_up(window, now=1.005, rtt=0.0003)
    assert window.size == 2 * INITIAL
    use_up(window, now=1.025, rtt=0.0003)
    assert window.size == 2 * INITIAL


def test_a_window_that_lasts_longer_keeps_its_size():
    window = ReceiveWindow(Budget())
    use_up(window, now=1.0, rtt=0.02)
    use_up(window, now=1.05, rtt=0.02)
    assert window.size == INITIAL


def test_a_window_never_grows_beyond_its_maximum():
    window = ReceiveWindow(Budget(growth=1 << 40))
    use_up(window, now=1.0, rtt=1.0, times=20)
    assert window.size == MAXIMUM


def test_windows_of_a_session_share_what_they_may_grow_and_give_it_back():
    budget = Budget(growth=INITIAL)
    first, second = ReceiveWindow(budget), ReceiveWindow(budget)
    use_up(first, now=1.0, rtt=1.0, times=3)
    use_up(second, now=1.0, rtt=1.0, times=3)
    assert (first.size, second.size) == (2 * INITIAL, INITIAL)
    first.close()
    use_up(second, now=1.0, rtt=1.0)
    assert second.size == 2 * INITIAL


def test_a_session_keeps_a_bounded_amount_for_stalled_readers():
    budget = Budget(held=10)
    assert budget.hold(10)
    assert not budget.hold(1)
    budget.release(4)
    assert budget.hold(4)


def test_credit_restarts_a_sender_that_had_stopped():
    window = SendWindow(credit=10)
    assert not window.grant(5)
    window.credit -= 15
    assert window.grant(1)
    assert window.credit == 1


def test_credit_beyond_anything_meant_is_a_protocol_error():
    with pytest.raises(ProtocolError, match="more credit"):
        SendWindow().grant(2**31)


@given(
    st.lists(st.tuples(st.integers(1, INITIAL), st.integers(1, INITIAL)), max_size=60),
    st.floats(0, 0.1),
)
def test_what_is_granted_is_what_was_accepted_and_grown_and_no_more(turns, rtt):
    """A sender that obeys its credit never breaks the window, however slow the reader."""
    budget = Budget()
    window, sender, waiting, granted, accepted = ReceiveWindow(budget), SendWindow(), 0, 0, 0
    for number, (send, take) in enumerate(turns):
        send = min(send, sender.credit)
        sender.credit -= send
        window.received(send)
        waiting += send
        take = min(take, waiting)
        waiting -= take
        accepted += take
        grant = window.accepted(take, number * 0.01, rtt)
        sender.grant(grant)
        granted += grant
        grown = window.size - INITIAL
        assert granted <= accepted + grown
        assert sender.credit + waiting <= window.size
        assert window.size <= MAXIMUM
