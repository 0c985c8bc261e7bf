"""The command line's errors, and what needs no playground."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from playground.cli.images import short_name
from playground.cli.main import main


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KTCTL_PLAYGROUND_CACHE", str(tmp_path))


@pytest.mark.parametrize(
    "argv",
    [
        ["status"],
        ["kubectl", "get", "pods"],
        ["laptop", "--", "id"],
        ["kubeconfig"],
        ["net", "--delay", "20ms"],
        ["logs"],
        ["logs", "kubelet"],
        ["image", "list"],
        ["node", "kill", "node1"],
        ["component", "restart", "kubelet"],
        ["--name", "Bad_Name", "status"],
    ],
)
def test_without_a_playground_a_command_fails_with_one_message(argv: list[str]) -> None:
    done = CliRunner().invoke(main, argv)
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)


@pytest.mark.parametrize(
    ("named", "argv", "hint"),
    [
        ([], ["status"], "`playground up` makes one"),
        (["--name", "x"], ["status"], "`playground --name x up` makes one"),
        (["--name", "x"], ["logs"], "`playground --name x up` makes one"),
        (["--name", "x"], ["logs", "kubelet"], "`playground --name x logs` lists"),
    ],
)
def test_what_to_do_is_said_of_the_playground_that_was_named(
    named: list[str], argv: list[str], hint: str
) -> None:
    assert hint in CliRunner().invoke(main, [*named, *argv]).output


def test_options_that_exclude_each_other_are_refused() -> None:
    done = CliRunner().invoke(main, ["net", "--cut", "--delay", "20ms"])
    assert done.exit_code == 1


def test_a_short_name_is_the_last_part_without_the_tag() -> None:
    assert short_name("kt.local/shop/cart:1") == "cart"
    assert short_name("python:3-alpine") == "python"
