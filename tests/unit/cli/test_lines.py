import pytest

from ktconnect.cli.lines import calls_text, size, status_line
from ktconnect.modes.report import Calls, Status


def test_calls_that_others_answered_are_counted():
    assert calls_text(Calls(1, 1)) == "1 call open, 1 in all"
    assert calls_text(Calls(0, 1204, 3, 311, 2)) == (
        "0 calls open, 1,204 in all, 311 by the origin, 2 by nobody"
    )


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (3_400_000_000, "3.4 GB")]
)
def test_sizes_are_readable(count, text):
    assert size(count) == text


def test_the_state_has_no_round_trip_before_the_first_probe():
    assert status_line(Status("connecting")).plain.startswith("● connecting · 0 streams")


def test_connections_of_the_time_before_are_counted_while_there_are_any():
    assert calls_text(Calls(1, 2, older=1)) == "1 call open, 2 in all, 1 older connection"
