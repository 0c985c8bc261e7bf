from pathlib import Path

import pytest

from ktconnect.errors import UsageError
from ktconnect.kube.kubefile import files_to_read, read


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_the_flag_wins_and_must_exist(tmp_path):
    one = write(tmp_path / "one", "")
    assert files_to_read(str(one), {"KUBECONFIG": "/other"}, tmp_path) == [one]
    with pytest.raises(UsageError, match=r"nope does not exist"):
        files_to_read("/nope", {}, tmp_path)


def test_the_flag_may_be_a_list_and_start_at_home(tmp_path):
    one, two = write(tmp_path / "one", ""), write(tmp_path / "two", "")
    assert files_to_read(f"{one}:{two}", {}, tmp_path) == [one, two]
    assert files_to_read("~/one", {}, tmp_path) == [one]


def test_the_variable_is_a_list_whose_missing_files_are_skipped(tmp_path):
    one = write(tmp_path / "one", "")
    assert files_to_read(None, {"KUBECONFIG": f"/nope::{one}"}, tmp_path) == [one]
    assert files_to_read(None, {"KUBECONFIG": "/nope"}, tmp_path) == []


def test_without_both_it_is_the_file_in_the_home(tmp_path):
    assert files_to_read(None, {}, tmp_path) == []
    default = write(tmp_path / ".kube" / "config", "")
    assert files_to_read("", {}, tmp_path) == [default]


def test_of_several_files_the_first_wins_each_name(tmp_path):
    one = write(
        tmp_path / "a" / "one",
        "users: [{name: u, user: {token: first}}]\ncurrent-context: ''\n",
    )
    two = write(
        tmp_path / "b" / "two",
        "users: [{name: u, user: {token: second}}, {name: v, user: {token: third}}]\n"
        "current-context: c\n",
    )
    merged = read([one, two])
    assert merged.users["u"].fields == {"token": "first"}
    assert merged.users["v"].fields == {"token": "third"}
    assert [merged.users[name].folder for name in "uv"] == [one.parent, two.parent]
    assert (merged.current, merged.source) == ("c", f"{one}, {two}")


def test_an_empty_file_is_an_empty_kubeconfig(tmp_path):
    assert read([write(tmp_path / "empty", "")]).contexts == {}


def test_broken_yaml_is_named_with_its_place_but_not_its_content(tmp_path):
    path = write(tmp_path / "broken", "users:\n- {token: geheim\n")
    with pytest.raises(UsageError, match="not valid YAML") as caught:
        read([path])
    assert str(path) in str(caught.value)
    assert "line" in str(caught.value)
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("- a list", "is not a kubeconfig"),
        ("users: [{user: {}}]", "an entry of 'users' is malformed"),
        ("users: [text]", "an entry of 'users' is malformed"),
        ("users: 7", "an entry of 'users' is malformed"),
        ("users: [{name: u, user: text}]", "an entry of 'users' is malformed"),
    ],
)
def test_what_is_no_kubeconfig_is_refused(tmp_path, text, why):
    with pytest.raises(UsageError, match=why):
        read([write(tmp_path / "file", text)])


def test_binary_content_is_refused(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"\x80\x81\x00")
    with pytest.raises(UsageError, match="not valid YAML"):
        read([path])


def test_a_file_that_can_not_be_read_is_named(tmp_path):
    with pytest.raises(UsageError, match="can't be read: Is a directory"):
        read([tmp_path])


def test_contents_are_not_shown_by_repr(tmp_path):
    merged = read([write(tmp_path / "f", "users: [{name: u, user: {token: geheim}}]")])
    assert "geheim" not in repr(merged)
