"""``--versionMark``, as KT Connect reads it."""

import re

import pytest

from ktconnect.errors import UsageError
from ktconnect.rules.mark import Mark, alternatives, version_mark
from ktconnect.rules.match import parse_match


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("", "version", "abcde"),
        ("test", "version", "test"),
        ("mark:", "mark", "abcde"),
        ("mark:test", "mark", "test"),
        ("kt:", "kt", "abcde"),
        ("k123:", "k123", "abcde"),
        ("kt-version_1123:1.2", "kt-version_1123", "1.2"),
    ],
)
def test_a_mark_is_a_value_or_a_key_or_both(text, key, value):
    assert version_mark(text, "abcde") == Mark(key, value)


@pytest.mark.parametrize("key", ["-x", "123", "", "kt.ver", "KT"])
def test_a_key_that_is_none_is_replaced_with_a_warning(key):
    mark = version_mark(f"{key}:test", "abcde")
    assert (mark.key, mark.value) == ("version", "test")
    assert repr(key) in mark.warning


@pytest.mark.parametrize("value", ["-", "a b", "ä", "a:b", "x" * 64, "origin", "Origin"])
def test_a_value_that_can_mark_nothing_is_refused(value):
    with pytest.raises(UsageError, match="--versionMark") as caught:
        version_mark(f"mark:{value}", "abcde")
    assert caught.value.hint
    if value.lower() != "origin":
        assert "1 to 63 characters: letters" in caught.value.hint


def test_it_is_shown_as_a_header_and_matched_as_one():
    mark = Mark("version", "ci")
    assert mark.header == "VERSION: ci"
    assert mark.match == parse_match("header:version=ci")


def test_its_part_of_names_is_unique():
    assert Mark("version", "ci").label == "ci"
    labels = {Mark("version", value).label for value in ("1.2", "1-2", "CI", "ci", "1_2")}
    assert len(labels) == 5
    assert all(re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", label) for label in labels)


def test_its_part_of_names_leaves_room_for_the_services():
    long = [Mark("version", value).label for value in ("x" * 63, "x" * 62 + "y", "1.2" * 12)]
    assert len(set(long)) == 3
    long.append(Mark("version", "x" * 23 + "-----------yz").label)
    assert all(re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", label) for label in long)
    assert max(map(len, long)) == 30
    assert Mark("version", "x" * 30).label == "x" * 30


def test_what_is_said_stands_for_the_mark_unless_that_was_asked_for_too():
    mark, said = Mark("version", "ci"), parse_match("path:/api")
    assert alternatives(mark, [], marked=False) == (mark.match,)
    assert alternatives(mark, ["path:/api", "path:/api/"], marked=False) == (said,)
    assert alternatives(mark, ["path:/api"], marked=True) == (mark.match, said)
