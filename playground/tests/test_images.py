"""Making images: trees, archives, recipes, the store."""

import json
import tarfile
from pathlib import Path

import pytest

from playground.errors import PlaygroundError
from playground.images import archive, debian, recipe, tree
from playground.images.archive import Settings
from playground.images.store import ALWAYS, BUILTIN, ON_DEMAND, Store
from playground.images.tree import File, Folder, Link, Tree

TREE: Tree = {"a/b": File(b"text", 0o755), "c": Link("a/b"), "tmp": Folder(0o1777)}


def test_a_layer_is_the_same_bytes_every_time(tmp_path: Path) -> None:
    tree.write_layer(TREE, tmp_path / "one")
    tree.write_layer(dict(reversed(TREE.items())), tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_layer_holds_folders_before_what_is_in_them(tmp_path: Path) -> None:
    tree.write_layer(TREE, tmp_path / "layer")
    with tarfile.open(tmp_path / "layer") as opened:
        found = {member.name: member for member in opened}
    assert list(found) == ["a", "a/b", "c", "tmp"]
    assert (found["a/b"].mode, found["a/b"].uid) == (0o755, 0)
    assert found["c"].linkname == "a/b"
    assert found["tmp"].mode == 0o1777


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/lib/x.so", "usr/lib/x.so"),
        ("/lib64/ld.so", "usr/lib64/ld.so"),
        ("/bin/sh", "usr/bin/sh"),
        ("/usr/bin/x", "usr/bin/x"),
        ("/etc/x", "etc/x"),
        ("/bin", "bin"),
    ],
)
def test_paths_of_the_old_layout_are_put_below_usr(path: str, place: str) -> None:
    assert tree.merged(path) == place


def test_a_folder_becomes_a_tree(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir(mode=0o750)
    (tmp_path / "sub" / "file").write_text("x")
    (tmp_path / "link").symlink_to("sub/file")
    found = tree.from_folder(tmp_path)
    assert found["link"] == Link("sub/file")
    assert found["sub"] == Folder(0o750)
    assert found["sub/file"] == File(tmp_path / "sub" / "file", 0o644)


def test_an_archive_names_its_image_and_its_layers(tmp_path: Path) -> None:
    tree.write_layer(TREE, tmp_path / "layer")
    settings = Settings(entrypoint=["/a"], user="5", environment={"K": "v"})
    archive.write(tmp_path / "image", ["kt.local/x:1"], settings, [tmp_path / "layer"])
    assert archive.names_in(tmp_path / "image") == ["kt.local/x:1"]
    with tarfile.open(tmp_path / "image") as opened:
        names = opened.getnames()
    assert f"{archive.digest(tmp_path / 'layer')}/layer.tar" in names
    config = json.loads(archive.configuration(settings, ["d"]))
    assert config["config"]["Entrypoint"] == ["/a"]
    assert "K=v" in config["config"]["Env"]
    assert config["rootfs"]["diff_ids"] == ["sha256:d"]


def test_a_file_that_is_no_archive_of_images_is_told(tmp_path: Path) -> None:
    text, empty, nameless = (tmp_path / name for name in ("text", "empty", "nameless"))
    text.write_text("no archive")
    tarfile.open(empty, "w").close()
    archive.write(nameless, [], Settings(), [])
    for file, said in ((text, "no arch"), (empty, "no arch"), (nameless, "no names")):
        with pytest.raises(PlaygroundError, match=said):
            archive.names_in(file)
    with pytest.raises(PlaygroundError, match="No such file"):
        archive.names_in(tmp_path / "gone")


def test_a_recipe_is_read_with_its_words_replaced(tmp_path: Path) -> None:
    (tmp_path / "image.yaml").write_text("name: x\ntag: '{python}'\nlinks: {/a: b}\n")
    found = recipe.load(tmp_path, {"python": "3.11"})
    assert found.reference == "kt.local/x:3.11"
    assert found.links == {"/a": Link("b")}


@pytest.mark.parametrize("text", ["nam: x", "- a", "a: [", "links: 5"])
def test_a_recipe_that_means_nothing_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "image.yaml").write_text(text)
    with pytest.raises(PlaygroundError, match="can't be read"):
        recipe.load(tmp_path, {})


def test_a_folder_without_a_recipe_is_the_root_of_its_image(tmp_path: Path) -> None:
    folder = tmp_path / "Thing"
    folder.mkdir()
    assert recipe.load(folder, {}).name == "thing"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(PlaygroundError, match="no folder"):
        recipe.load(tmp_path / "gone", {})


@pytest.mark.parametrize("name", [*ALWAYS, *ON_DEMAND])
def test_every_recipe_of_ours_can_be_read(name: str) -> None:
    words = {"python": "3.11", "binaries": "/bin"}
    assert recipe.load(BUILTIN / name, words).name == name


def test_an_image_is_built_once_and_again_when_a_file_of_it_changed(tmp_path: Path) -> None:
    source = tmp_path / "x"
    source.mkdir()
    (source / "image.yaml").write_text("name: x\nfiles: {/hello: hello}\n")
    (source / "hello").write_text("1")
    store = Store(tmp_path / "store", tmp_path)
    first = store.build(source)
    again = store.build(source)
    (source / "hello").write_text("2")
    assert first == again
    assert store.build(source).file != first.file
    assert first.file.exists()


def test_nothing_is_left_in_the_store_of_an_image_that_could_not_be_built(tmp_path: Path) -> None:
    source = tmp_path / "x"
    source.mkdir()
    (source / "image.yaml").write_text("name: x\npackages: [no-such-package-anywhere]\n")
    store = Store(tmp_path / "store", tmp_path)
    with pytest.raises(PlaygroundError, match="no-such-package-anywhere"):
        store.build(source)
    assert not (tmp_path / "store").exists()


def test_a_file_that_an_image_needs_and_lacks_is_named(tmp_path: Path) -> None:
    (tmp_path / "image.yaml").write_text("name: x\nfiles: {/a: gone}\n")
    with pytest.raises(PlaygroundError, match="gone"):
        Store(tmp_path / "store", tmp_path).build(tmp_path)


def test_an_unknown_image_of_ours_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(PlaygroundError) as caught:
        Store(tmp_path, tmp_path).builtin("nginx")
    assert "envoy" in caught.value.hint


def test_a_program_brings_the_libraries_it_loads(tmp_path: Path) -> None:
    found = debian.libraries({"usr/bin/python3": File(Path("/usr/bin/python3"))}, tmp_path)
    assert any(name.endswith("libc.so.6") for name in found)
    assert all(name.startswith("usr/lib") for name in found)


def test_versions_of_installed_packages_and_of_those_to_be_had_are_known() -> None:
    found = debian.versions(["libc6", "redis-server"])
    assert found["libc6"].startswith("2.")
    assert found["redis-server"].startswith("5:")


def test_a_package_that_there_is_not_is_named() -> None:
    with pytest.raises(PlaygroundError, match="no-such-package"):
        debian.versions(["libc6", "no-such-package"])
