"""Building Go programs: keys, progress, versions, what a failed build says."""

from pathlib import Path

import pytest

from playground.errors import PlaygroundError
from playground.gobuild import Programs, _follow, key

MODULE = "module small\n\ngo 1.26\n"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KTCTL_PLAYGROUND_CACHE", str(tmp_path / "cache"))


def small(folder: Path, main: str) -> Programs:
    """A module of one program; what completes it is a file."""
    sources = folder / "sources"
    sources.mkdir()
    (sources / "go.mod").write_text(MODULE)
    (sources / "main.go").write_text(main)
    return Programs(
        title="Small",
        sources=sources,
        made=("bin/small", "more"),
        packages=1,
        linker_flags=lambda: "-s -w",
        finish=lambda draft: (draft / "more").touch(),
        prefix="small-",
    )


def test_the_key_changes_with_any_source(tmp_path: Path) -> None:
    (tmp_path / "cmd").mkdir()
    (tmp_path / "cmd" / "main.go").write_text("1")
    first = key(tmp_path)
    assert key(tmp_path) == first
    (tmp_path / "cmd" / "main.go").write_text("2")
    assert key(tmp_path) != first


def test_a_module_within_has_a_key_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "main.go").write_text("1")
    before = key(tmp_path)
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "go.mod").write_text("module inner")
    assert key(tmp_path) == before


def test_what_is_compiled_counts_and_what_is_downloaded_does_not() -> None:
    counts: list[int] = []
    said = _follow(["go: downloading a v1\n", "errors\n", "io\n"], counts.append)
    assert counts == [1, 2]
    assert said.endswith("errors\nio\n")


def test_a_build_is_kept_whole_under_its_key(tmp_path: Path) -> None:
    programs = small(tmp_path, "package main\n\nfunc main() {}\n")
    assert not programs.is_built()
    folder = programs.build(lambda _: None)
    assert programs.is_built()
    assert folder.name.startswith("small-")
    (folder / "kept").touch()
    assert (programs.build(lambda _: None) / "kept").exists()


def test_a_build_that_fails_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    programs = small(tmp_path, "package main\n\nfunc main() { wrong }\n")
    with pytest.raises(PlaygroundError, match=r"(?s)Small can't be built.*wrong"):
        programs.build(lambda _: None)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [".build.lock"]


def test_a_module_that_go_mod_does_not_name_has_no_version(tmp_path: Path) -> None:
    programs = small(tmp_path, "package main\n")
    (programs.sources / "go.mod").write_text(MODULE + "require example.com/a v1.2.3\n")
    assert programs.version_of("example.com/a") == "v1.2.3"
    with pytest.raises(PlaygroundError, match="does not name"):
        programs.version_of("example.com/b")


def test_the_sources_of_a_module_are_where_go_keeps_them(tmp_path: Path) -> None:
    programs = small(tmp_path, "package main\n")
    assert programs.folder_of("small") == programs.sources
    with pytest.raises(PlaygroundError, match=r"example\.com/b"):
        programs.folder_of("example.com/b")
