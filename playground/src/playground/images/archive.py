"""The archive that ``ctr images import`` takes: layers, a configuration, and a list of names."""

import hashlib
import io
import json
import platform
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

from playground.errors import PlaygroundError

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
HOW_SAVED = "`docker save NAME:TAG -o FILE` writes one"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Settings:
    """How a container of the image is started unless its Pod says otherwise."""

    entrypoint: list[str] | None = None
    command: list[str] | None = None
    user: str = ""
    environment: dict[str, str] = field(default_factory=dict)


def configuration(settings: Settings, layers: list[str]) -> bytes:
    """The image's JSON configuration; ``layers`` are the SHA-256 of its layers, lowest first."""
    environment = {"PATH": PATH, **settings.environment}
    content = {
        "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": {
            "Env": [f"{key}={value}" for key, value in environment.items()],
            "Entrypoint": settings.entrypoint,
            "Cmd": settings.command,
            "User": settings.user,
            "WorkingDir": "/",
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer}" for layer in layers]},
        "history": [{"created_by": "playground"} for _ in layers],
    }
    return json.dumps(content).encode()


def write(out: Path, names: list[str], settings: Settings, layers: list[Path]) -> None:
    """Write the archive of an image under all its names."""
    digests = [digest(layer) for layer in layers]
    config = configuration(settings, digests)
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    files = [f"{layer}/layer.tar" for layer in digests]
    manifest = [{"Config": config_name, "RepoTags": names, "Layers": files}]
    with tarfile.open(out, "w", format=tarfile.GNU_FORMAT) as archive:
        _add(archive, config_name, config)
        _add(archive, "manifest.json", json.dumps(manifest).encode())
        for name, layer in zip(files, layers, strict=True):
            _add_file(archive, name, layer)


def digest(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def names_in(archive: Path) -> list[str]:
    """The names of the images in an archive, ours or one that ``docker save`` wrote.

    Raises: PlaygroundError if it is none, or its images have no names.
    """
    try:
        with tarfile.open(archive) as opened:
            manifest = opened.extractfile("manifest.json")
            assert manifest is not None, "a folder has no content"
            found = [name for image in json.load(manifest) for name in image["RepoTags"] or []]
    except OSError as error:
        raise PlaygroundError(f"{archive} can't be read: {error.strerror}") from None
    except (tarfile.TarError, KeyError, ValueError, TypeError, AssertionError):
        raise PlaygroundError(f"{archive} is no archive of images", hint=HOW_SAVED) from None
    if not found:
        raise PlaygroundError(f"the images in {archive} have no names", hint=HOW_SAVED)
    return found


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))


def _add_file(archive: tarfile.TarFile, name: str, path: Path) -> None:
    info = tarfile.TarInfo(name)
    info.size = path.stat().st_size
    with path.open("rb") as source:
        archive.addfile(info, source)
