"""Kubeconfig files, read and merged by kubectl's rules.

Several files (``KUBECONFIG=a:b``): the first file that has a cluster, user or context of some name
wins it, the first ``current-context`` counts, and a relative path belongs to the file it stands in.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ktconnect.errors import UsageError

Entry = Mapping[str, Any]
HINT = "pass --kubeconfig FILE"


@dataclass(frozen=True, slots=True)
class Named:
    """One named cluster, user or context, and the folder that its relative paths start from."""

    fields: Entry = field(repr=False)
    folder: Path

    def file(self, key: str) -> Path | None:
        """The file that ``key`` names; None if the kubeconfig holds its content as ``key-data``."""
        path = self.fields.get(key)
        return self.folder / str(path) if path and not self.fields.get(f"{key}-data") else None


@dataclass(slots=True)
class Merged:
    """All kubeconfig files as one."""

    files: list[Path] = field(default_factory=list)
    current: str = ""
    clusters: dict[str, Named] = field(default_factory=dict)
    users: dict[str, Named] = field(default_factory=dict)
    contexts: dict[str, Named] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """The files, as a person would name them."""
        return ", ".join(map(str, self.files))


def files_to_read(kubeconfig: str | None, environ: Mapping[str, str], home: Path) -> list[Path]:
    """The files that kubectl would read here, in order.

    Raises: UsageError when a file that was asked for by flag does not exist, or one can't be
    looked at.
    """
    if kubeconfig:
        return _asked_for(kubeconfig, home)
    listed = [_expand(name, home) for name in environ.get("KUBECONFIG", "").split(os.pathsep)]
    found = [path for path in listed if path != Path() and _exists(path)]
    if environ.get("KUBECONFIG"):
        return found
    default = home / ".kube" / "config"
    return [default] if _exists(default) else []


def nothing_to_read(environ: Mapping[str, str]) -> UsageError:
    """Why there is no file: kubectl passes over those of KUBECONFIG that don't exist."""
    listed = [name for name in environ.get("KUBECONFIG", "").split(os.pathsep) if name]
    if listed:
        what = f"KUBECONFIG names {', '.join(listed)}, which {_do_not(listed)} exist"
        return UsageError(
            f"no cluster is configured: {what}", hint=f"correct KUBECONFIG, or {HINT}"
        )
    what = "KUBECONFIG is not set, and there is no ~/.kube/config"
    return UsageError(f"no cluster is configured: {what}", hint=HINT)


def _do_not(listed: Sequence[str]) -> str:
    return "does not" if len(listed) == 1 else "do not"


def _exists(path: Path) -> bool:
    """Raises: UsageError if we may not even look, or no file can have such a name."""
    try:
        return path.exists()
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> UsageError:
    return UsageError(
        f"kubeconfig {path} can't be read: {error.strerror}", hint="check its permissions"
    )


def _asked_for(kubeconfig: str, home: Path) -> list[Path]:
    whole = _expand(kubeconfig, home)
    paths = [whole]
    if not _exists(whole):
        paths = [_expand(name, home) for name in kubeconfig.split(os.pathsep) if name]
    for path in paths:
        if not _exists(path):
            raise UsageError(
                f"kubeconfig {path} does not exist", hint="check --kubeconfig, or leave it out"
            )
    return paths


def _expand(name: str, home: Path) -> Path:
    return home / name[2:] if name.startswith("~/") else Path(name)


def read(paths: Iterable[Path]) -> Merged:
    """Merge the files, first one wins.

    Raises: UsageError naming the file that can't be read or is no kubeconfig.
    """
    merged = Merged()
    for path in paths:
        _merge(merged, path, _parse(path))
    return merged


def _parse(path: Path) -> Entry:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        document = yaml.load(path.read_bytes(), Loader=loader)
    except OSError as error:
        raise _unreadable(path, error) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(
            f"kubeconfig {path} is not valid YAML{_place(error)}", hint="correct that file"
        ) from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise UsageError(f"{path} is not a kubeconfig", hint="check --kubeconfig and KUBECONFIG")
    return document


def _place(error: Exception) -> str:
    """Line and column only: the parser's own message would quote the file, secrets included."""
    mark = getattr(error, "problem_mark", None)
    return f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""


def _merge(merged: Merged, path: Path, document: Entry) -> None:
    folder = path.absolute().parent
    merged.files.append(path)
    merged.current = merged.current or str(document.get("current-context") or "")
    for section, into in (
        ("clusters", merged.clusters),
        ("users", merged.users),
        ("contexts", merged.contexts),
    ):
        for name, fields in _entries(path, document, section):
            into.setdefault(name, Named(fields, folder))


def _entries(path: Path, document: Entry, section: str) -> list[tuple[str, Entry]]:
    try:
        return [
            (str(item["name"]), dict(item.get(section[:-1]) or {}))
            for item in document.get(section) or ()
        ]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise UsageError(
            f"kubeconfig {path}: an entry of {section!r} is malformed",
            hint="each needs a name and its fields, see `kubectl config view`",
        ) from None
