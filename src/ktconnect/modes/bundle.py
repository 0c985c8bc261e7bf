"""The agent as one file: the wire protocol, the tunnel and the agent, as a zipapp.

Built at run time from the installed sources, so an agent's version is always the laptop's.
"""

import functools
import io
import zipfile
from importlib.resources import files
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

PARTS: Final = (
    *("__init__.py", "errors.py", "names.py", "wire", "tunnel", "agent"),
    *("apply/__init__.py", "apply/change.py", "apply/engine.py"),
    *("kube/__init__.py", "kube/asking.py", "kube/failures.py", "kube/fields.py"),
    *("kube/paths.py", "kube/pointer.py", "kube/undoable.py"),
    *("objects/__init__.py", "objects/lease_patch.py", "objects/session.py"),
)
"""What runs in the cluster; the second half is what the guard undoes a session with."""

LAPTOP_ONLY: Final = frozenset(
    {"tunnel.py", "lane.py", "lanes.py", "status.py", "answer.py", "reach.py", "readiness.py"}
)
"""Files of ``tunnel`` that an agent has no use for."""

_MAIN: Final = "import sys\nfrom ktconnect.agent.__main__ import main\nsys.exit(main())\n"
_WHEN: Final = (1980, 1, 1, 0, 0, 0)


@functools.cache
def agent_bundle() -> bytes:
    """The bytes of ``ktagent.pyz``: the same for the same sources.

    Built once: a newer version that is installed meanwhile is not what this process speaks.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        _add(archive, "__main__.py", _MAIN.encode())
        for name, source in _sources():
            _add(archive, f"ktconnect/{name}", source)
    return buffer.getvalue()


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    info = zipfile.ZipInfo(name, date_time=_WHEN)
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, content)


def _sources() -> "Iterator[tuple[str, bytes]]":
    package = files("ktconnect")
    for part in PARTS:
        place = package.joinpath(*part.split("/"))
        if place.is_file():
            yield part, place.read_bytes()
        else:
            for file in _modules(place):
                yield f"{part}/{file.name}", file.read_bytes()


def _modules(place: "Traversable") -> "list[Traversable]":
    found = (file for file in place.iterdir() if file.name.endswith(".py"))
    return sorted(
        (file for file in found if file.name not in LAPTOP_ONLY), key=lambda file: file.name
    )
