"""JSON Pointers (RFC 6901) and the JSON Patches (RFC 6902) that set one field. Pure."""

from typing import Any

Json = Any
Patch = list[dict[str, Any]]

REPLICAS = "/spec/replicas"


def value_at(document: Json, pointer: str) -> Json | None:
    """What the pointer leads to, None where it leads nowhere."""
    for token in _tokens(pointer):
        if isinstance(document, dict) and token in document:
            document = document[token]
        elif isinstance(document, list) and token.isdigit() and int(token) < len(document):
            document = document[int(token)]
        else:
            return None
    return document


def field_at(document: Json, pointer: str) -> Json | None:
    """As `value_at`, but with the 0 that a Scale of autoscaling/v1 leaves out when it is sent."""
    value = value_at(document, pointer)
    if value is None and pointer == REPLICAS and document.get("kind") == "Scale":
        return 0
    return value


def _tokens(pointer: str) -> list[str]:
    parts = pointer.split("/")[1:]
    return [part.replace("~1", "/").replace("~0", "~") for part in parts]


def patch_to(document: Json, pointer: str, value: Json | None, expected: Json | None) -> Patch:
    """The patch that makes the field ``value`` (None: absent) if it still is ``expected``.

    That a field is absent can't be tested by JSON Patch, so the whole object's resourceVersion
    is then. Missing parents are made.
    """
    if expected is not None:
        guard = {"op": "test", "path": pointer, "value": expected}
        if value is None:
            return [guard, {"op": "remove", "path": pointer}]
        return [guard, {"op": "replace", "path": pointer, "value": value}]
    version = "/metadata/resourceVersion"
    patch: Patch = [{"op": "test", "path": version, "value": value_at(document, version)}]
    if value is None:
        return patch
    missing = [{"op": "add", "path": path, "value": {}} for path in _lacking(document, pointer)]
    return [*patch, *missing, {"op": "add", "path": pointer, "value": value}]


def _lacking(document: Json, pointer: str) -> list[str]:
    """The parents of a field that are not there yet, outermost first."""
    parts = pointer.split("/")
    parents = ["/".join(parts[:end]) for end in range(2, len(parts))]
    return [path for path in parents if value_at(document, path) is None]
