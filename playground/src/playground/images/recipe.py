"""What an image is made of: the file ``image.yaml`` in its folder."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from playground.errors import PlaygroundError
from playground.images.archive import Settings
from playground.images.tree import Link

RECIPE = "image.yaml"
NAMESPACE = "kt.local"
_KEYS = {
    "name", "tag", "also", "from", "packages", "wheels", "files", "links", "folder",
    "entrypoint", "command", "user", "environment", "busybox",
}  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """One image. ``files`` maps a path in the image to a file of the recipe's folder."""

    folder: Path
    name: str
    tag: str = "1"
    also: list[str] = field(default_factory=list)  # further names, such as python:3-alpine
    parent: str | None = None
    packages: list[str] = field(default_factory=list)
    wheels: list[str] = field(default_factory=list)  # Python packages whose files are wanted
    files: dict[str, str] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)
    subfolder: str = ""  # whose content is the image's root
    busybox: bool = False  # a link for each of busybox' programs
    settings: Settings = field(default_factory=Settings)

    @property
    def reference(self) -> str:
        return f"{NAMESPACE}/{self.name}:{self.tag}"

    @property
    def names(self) -> list[str]:
        return [self.reference, *self.also]


def load(folder: Path, words: dict[str, str]) -> Recipe:
    """Read a recipe; ``{word}`` in its text is replaced. A folder without one is a root itself.

    Raises: PlaygroundError.
    """
    file = folder / RECIPE
    if not folder.is_dir():
        raise PlaygroundError(
            f"there is no folder {folder}", hint="name a folder to make an image of"
        )
    if not file.exists():
        return Recipe(folder, folder.resolve().name.lower(), subfolder=".")
    text = file.read_text()
    for word, value in words.items():
        text = text.replace(f"{{{word}}}", value)
    try:
        return _parsed(folder, yaml.safe_load(text))
    except (yaml.YAMLError, TypeError, ValueError, AttributeError) as error:
        raise PlaygroundError(f"{file} can't be read: {error}") from None


def _parsed(folder: Path, raw: dict[str, Any]) -> Recipe:
    if unknown := set(raw) - _KEYS:
        raise ValueError(
            f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(sorted(_KEYS))}"
        )
    return Recipe(
        folder=folder,
        name=raw.get("name", folder.resolve().name),
        tag=str(raw.get("tag", "1")),
        also=raw.get("also", []),
        parent=raw.get("from"),
        packages=raw.get("packages", []),
        wheels=raw.get("wheels", []),
        files=raw.get("files", {}),
        links={path: Link(target) for path, target in raw.get("links", {}).items()},
        subfolder=raw.get("folder", ""),
        busybox=raw.get("busybox", False),
        settings=Settings(
            entrypoint=raw.get("entrypoint"),
            command=raw.get("command"),
            user=str(raw.get("user", "")),
            environment=raw.get("environment", {}),
        ),
    )
