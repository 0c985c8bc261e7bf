import pytest

from ktconnect.rules.re2_size import Size, size_of


@pytest.mark.parametrize(
    ("tokens", "size"),
    [
        ([], Size(2, 1)),
        (["a", "|", "b"], Size(8, 1)),
        (["a", "{3}"], Size(11, 3)),
        (["a", "{2,}"], Size(8, 2)),
        (["a", "*"], Size(5, 1)),
        (["a", "{0}"], Size(5, 1)),
        (["(", "a", "{3}", ")", "{4}"], Size(50, 12)),
        (["(?:", "a", "{3}", ")", "b", "{4}"], Size(25, 4)),
        (["."], Size(18, 1)),
        (["[a]"], Size(24, 1)),
        ([r"[\Dä]"], Size(60, 1)),
    ],
)
def test_what_is_repeated_is_written_out(tokens, size):
    assert size_of(tokens) == size
