"""Users and their rights."""

from pathlib import Path

import pytest

from playground import users
from playground.errors import PlaygroundError


def test_resources_are_sorted_by_their_api_group() -> None:
    rules = users.simple_rule(["get"], ["pods", "pods/log", "deployments.apps/scale"])
    assert rules == [
        {"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get"]},
        {"apiGroups": ["apps"], "resources": ["deployments/scale"], "verbs": ["get"]},
    ]


def test_a_role_is_bound_to_the_user_in_the_namespace() -> None:
    role, binding = users.objects("alice", "demo", [{"verbs": ["get"]}])
    assert role["metadata"]["namespace"] == binding["metadata"]["namespace"] == "demo"
    assert binding["subjects"][0]["name"] == "alice"
    assert binding["roleRef"]["name"] == role["metadata"]["name"]


@pytest.mark.parametrize(
    "text",
    [
        "kind: Role\nrules: [{verbs: [get]}]\n---\n",
        "[{verbs: [get]}]",
    ],
)
def test_rules_are_read_from_roles_or_a_bare_list(tmp_path: Path, text: str) -> None:
    file = tmp_path / "role.yaml"
    file.write_text(text)
    assert users.rules_in(file) == [{"verbs": ["get"]}]


def test_a_missing_role_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PlaygroundError, match=r"gone\.yaml"):
        users.rules_in(tmp_path / "gone.yaml")
