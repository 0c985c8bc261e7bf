"""Builds images and keeps their archives, each under a key of all that goes into it."""

import hashlib
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from playground.commands import run
from playground.errors import PlaygroundError
from playground.images import archive, debian, tree
from playground.images.recipe import RECIPE, Recipe, load
from playground.images.tree import File, Link, Tree
from playground.istio.programs import ISTIO

BUILTIN = Path(__file__).parent / "builtin"
ALWAYS = ("pause", "coredns", "busybox", "python", "echo")
ON_DEMAND = ("envoy", "istio", "sshd")
_BUILDER = [Path(__file__), Path(tree.__file__), Path(debian.__file__), Path(archive.__file__)]


@dataclass(frozen=True)
class Image:
    """A built image: ``file`` is its archive, ``layers`` its layers, lowest first."""

    name: str
    reference: str
    file: Path
    layers: list[Path]


class Store:
    """The cache of images. ``binaries`` is the folder of the built Go programs."""

    def __init__(self, folder: Path, binaries: Path) -> None:
        self.folder = folder
        self.words = {
            "binaries": str(binaries),
            "istio": str(ISTIO.folder),
            "python": debian.python_version(),
        }

    def builtin(self, name: str) -> Image:
        """One of the playground's own images. Raises: PlaygroundError."""
        if name not in (*ALWAYS, *ON_DEMAND):
            known = ", ".join((*ALWAYS, *ON_DEMAND))
            raise PlaygroundError(f"there is no image {name}", hint=f"known: {known}")
        return self.build(BUILTIN / name)

    def build(self, folder: Path) -> Image:
        """The image of a folder, from the cache if nothing in it changed."""
        recipe = load(folder, self.words)
        parent = self.builtin(recipe.parent) if recipe.parent else None
        place = self.folder / f"{recipe.name}-{self._key(recipe, parent)}"
        layers = [*(parent.layers if parent else []), place / "layer.tar"]
        image = Image(recipe.name, recipe.reference, place / "image.tar", layers)
        if not image.file.exists():
            self._make(recipe, image)
        return image

    def _key(self, recipe: Recipe, parent: Image | None) -> str:
        known = hashlib.sha256(repr((recipe, self.words["python"])).encode())
        for source in [*_BUILDER, *_ingredients(recipe)]:
            known.update(source.read_bytes())
        versions = debian.versions(recipe.packages)
        for package in recipe.packages:
            known.update(versions[package].encode())
        known.update(str(parent.file if parent else "").encode())
        return known.hexdigest()[:16]

    def _make(self, recipe: Recipe, image: Image) -> None:
        """Build beside the final place and move there, so that half an image is never found."""
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{recipe.name}-", dir=self.folder))
        try:
            layer = draft / "layer.tar"
            tree.write_layer(_content(recipe, draft / "staging"), layer)
            layers = [*image.layers[:-1], layer]
            archive.write(draft / "image.tar", recipe.names, recipe.settings, layers)
            for scratch in ("staging", "staging.debs", "wheels"):
                shutil.rmtree(draft / scratch, ignore_errors=True)
            place = image.file.parent
            shutil.rmtree(place, ignore_errors=True)
            draft.rename(place)
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def _ingredients(recipe: Recipe) -> list[Path]:
    found = [_source(recipe, name) for name in recipe.files.values()]
    if recipe.subfolder:
        below = sorted((recipe.folder / recipe.subfolder).rglob("*"))
        found += [path for path in below if path.is_file()]
    for path in found:
        if not path.is_file():
            raise PlaygroundError(f"image {recipe.name} needs {path}, which is not there")
    return found


def _source(recipe: Recipe, name: str) -> Path:
    return recipe.folder / name  # an absolute name stays as it is


def _content(recipe: Recipe, staging: Path) -> Tree:
    found: Tree = {}
    if recipe.parent is None and not recipe.subfolder:
        found |= _skeleton()
    if recipe.packages:
        found |= debian.tree_of(recipe.packages, staging)
    if recipe.wheels:
        found |= _wheels(recipe.wheels, staging.with_name("wheels"))
    if recipe.subfolder:
        found |= tree.from_folder(recipe.folder / recipe.subfolder)
        found.pop(RECIPE, None)
    files: Tree = {tree.merged(path): _file(recipe, name) for path, name in recipe.files.items()}
    found |= {**debian.libraries(files, staging), **files}
    if recipe.busybox:
        found |= _busybox_links()
    return found | {tree.merged(path): link for path, link in recipe.links.items()}


def _file(recipe: Recipe, name: str) -> File:
    source = _source(recipe, name)
    return File(source, source.stat().st_mode & 0o755 | 0o444)


def _skeleton() -> Tree:
    """The few files that every image without a parent has."""
    found: Tree = {name: Link(target) for name, target in tree.MERGED.items()}
    found |= {
        folder: tree.Folder() for folder in ("proc", "sys", "dev", "var/run", *tree.MERGED.values())
    }
    found |= {"root": tree.Folder(0o700), "tmp": tree.Folder(0o1777)}
    users = b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n"
    return found | {
        "etc/passwd": File(users),
        "etc/group": File(b"root:x:0:\nnogroup:x:65534:\n"),
        "etc/nsswitch.conf": File(b"hosts: files dns\n"),
    }


def _busybox_links() -> Tree:
    programs = run(["busybox", "--list"]).split()
    return {f"usr/bin/{name}": Link("busybox") for name in programs if name != "busybox"}


def _wheels(packages: list[str], folder: Path) -> Tree:
    """Every file of Python packages, below /opt."""
    options = ["--quiet", "--no-deps", "--no-compile", "--target", str(folder)]
    run([sys.executable, "-m", "pip", "install", *options, *packages], timeout=600)
    found: Tree = {f"opt/{name}": entry for name, entry in tree.from_folder(folder).items()}
    return {**debian.libraries(found, folder), **found}
