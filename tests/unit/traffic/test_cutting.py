import pytest

from ktconnect.traffic.cutting import cut, window


@pytest.mark.parametrize(
    ("one", "two", "shown"),
    [
        ("abc", "abd", ("abc", "abd")),
        ("a" * 8, "a" * 7 + "b", ("aaaaaaaa", "aaaaaaab")),
        ("abcdefghij", "x", ("abcdefgh…", "x")),
        ("abcdefghij", "abcdefghi", ("…cdefghij", "…cdefghi")),
        ("abcdefghijklmnopqrst", "abcdefghixklmnopqrst", ("…hijklmno…", "…hixklmno…")),
        ("abcdefghijklmn", "abcdefXhijklmn", ("abcdefgh…", "abcdefXh…")),
        ("", "", ("", "")),
    ],
)
def test_long_texts_are_cut_so_that_the_first_difference_is_seen(one, two, shown):
    part = window(one, two, 8)
    assert (cut(one, part), cut(two, part)) == shown
    assert window(one.encode(), two.encode(), 8) == part
