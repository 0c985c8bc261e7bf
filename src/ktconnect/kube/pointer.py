"""JSON Pointers (RFC 6901) and the JSON Patches (RFC 6902) that set one field. Pure.

Besides what RFC 6901 knows, a pointer may lead to the item of a list that has some name, wherever
it stands: ``/spec/http[name=kt-mesh-ci]``. Such an item is added in front of all others, and its
list goes with the last one.
"""

import re
from collections.abc import Sequence
from typing import Any

from ktconnect.names import REPLICAS

Json = Any
Patch = list[dict[str, Any]]

_NAMED = re.compile(r"(?P<list>[^\[\]]+)\[name=(?P<name>[^\[\]]+)\]")


class _Named(str):
    """The name of a list's item, in the place of its number."""

    __slots__ = ()


def value_at(document: Json, pointer: str) -> Json | None:
    """What the pointer leads to, None where it leads nowhere."""
    return _value(document, _steps(pointer))


def field_at(document: Json, pointer: str) -> Json | None:
    """As `value_at`, but with the 0 that a Scale of autoscaling/v1 leaves out when it is sent."""
    value = value_at(document, pointer)
    if value is None and pointer == REPLICAS and document.get("kind") == "Scale":
        return 0
    return value


def _steps(pointer: str) -> list[str]:
    """The tokens of a pointer, unescaped."""
    steps: list[str] = []
    for part in pointer.split("/")[1:]:
        named = _NAMED.fullmatch(part)
        tokens = [named["list"], _Named(named["name"])] if named else [part]
        steps += [type(each)(each.replace("~1", "/").replace("~0", "~")) for each in tokens]
    return steps


def _value(document: Json, steps: Sequence[str]) -> Json | None:
    for step in steps:
        token = _token(document, step)
        if isinstance(document, dict) and token in document:
            document = document[token]
        elif isinstance(document, list) and token.isdigit() and int(token) < len(document):
            document = document[int(token)]
        else:
            return None
    return document


def _token(document: Json, step: str) -> str:
    """The key, or the number of the item; for a name that no item has, one behind the last."""
    if not isinstance(step, _Named):
        return step
    items = document if isinstance(document, list) else []
    names = [item.get("name") if isinstance(item, dict) else None for item in items]
    return str(names.index(step) if step in names else len(names))


def patch_to(document: Json, pointer: str, value: Json | None, expected: Json | None) -> Patch:
    """The patch that makes the field ``value`` (None: absent) if it still is ``expected``.

    That a field is absent can't be tested by JSON Patch, so the whole object's resourceVersion
    is then. Missing parents are made.
    """
    steps = _steps(pointer)
    if expected is not None:
        return _changed(document, steps, value, expected)
    version = "/metadata/resourceVersion"
    patch: Patch = [{"op": "test", "path": version, "value": value_at(document, version)}]
    if value is None:
        return patch
    missing = [
        {"op": "add", "path": _path(document, steps[:end]), "value": _empty(steps[end])}
        for end in range(1, len(steps))
        if _value(document, steps[:end]) is None
    ]
    in_front = isinstance(steps[-1], _Named)
    path = f"{_path(document, steps[:-1])}/0" if in_front else _path(document, steps)
    return [*patch, *missing, {"op": "add", "path": path, "value": value}]


def _changed(document: Json, steps: list[str], value: Json | None, expected: Json) -> Patch:
    """Replace or remove what is there; the last item of a list goes with it."""
    *parents, last = steps
    if value is None and isinstance(last, _Named) and _value(document, parents) == [expected]:
        steps, expected = parents, [expected]
    path = _path(document, steps)
    guard = {"op": "test", "path": path, "value": expected}
    if value is None:
        return [guard, {"op": "remove", "path": path}]
    return [guard, {"op": "replace", "path": path, "value": value}]


def _path(document: Json, steps: Sequence[str]) -> str:
    """The pointer as RFC 6901 has it, with numbers for names."""
    tokens = [_token(_value(document, steps[:end]), step) for end, step in enumerate(steps)]
    return "".join(f"/{token.replace('~', '~0').replace('/', '~1')}" for token in tokens)


def _empty(below: str) -> Json:
    """What a missing parent is, by what is to be below it."""
    return [] if isinstance(below, _Named) else {}
