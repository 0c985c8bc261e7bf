"""The line's settings."""

from pathlib import Path

import pytest

from playground import line
from playground.errors import PlaygroundError
from playground.folders import RunFolder
from playground.line import Line


def test_words_become_milliseconds_bits_and_percent() -> None:
    assert line.parse("20ms", "100mbit", "0.1%") == Line(20, 1e8, 0.1)
    assert line.parse("1.5s") == Line(delay=1500)


@pytest.mark.parametrize(
    ("delay", "rate", "loss"),
    [("20", "", ""), ("", "100", ""), ("", "", "0.1"), ("11s", "", ""), ("", "", "101%")],
)
def test_a_word_that_means_nothing_is_refused(delay: str, rate: str, loss: str) -> None:
    with pytest.raises(PlaygroundError):
        line.parse(delay, rate, loss)


def test_each_direction_has_half_of_the_round_trip() -> None:
    assert "delay 10000us" in " ".join(line.netem_words(Line(delay=20)))
    spec = line.line_machine(RunFolder("t"), Path("/kube"), Line(delay=20, loss=1))
    assert {"-delay=10000us", "-loss=0.01"} <= set(spec.units[0].argv)


@pytest.mark.parametrize(
    ("put", "said"),
    [
        (Line(), "plain"),
        (Line(cut=True, delay=5), "cut"),
        (Line(20, 1e8, 0.1), "20 ms round trip, 100 Mbit/s, 0.1 % loss each way"),
    ],
)
def test_a_line_says_what_it_does(put: Line, said: str) -> None:
    assert str(put) == said
