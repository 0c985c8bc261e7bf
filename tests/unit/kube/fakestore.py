"""The objects of a fake API server and its verbs: versions, UIDs, preconditions, patches."""

import itertools
from typing import TYPE_CHECKING, Any

from tests.unit.kube.fakeanswers import Answer, Asked, failed, missing

from ktconnect.kube.paths import KINDS

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

KIND_OF = {
    resource.path().rsplit("/", 1)[0] + "/" + resource.plural: kind
    for kind, resource in KINDS.items()
}


_DEFAULTS = {"v1/Service": {"clusterIP": "10.96.0.99"}}
"""What the server writes into the spec of a new object."""


class FakeStore:
    """What there is, and who is told of changes."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.denied: set[tuple[str, str, str]] = set()  # verb, plural, namespace
        self.no_namespaces = {"nix"}
        self.page_size = 0
        self.watchers: list[tuple[str, str, asyncio.Queue[dict[str, Any] | None]]] = []
        self._versions = itertools.count(1)
        self.version = 0

    def put(self, manifest: dict[str, Any]) -> dict[str, Any]:
        """Make or change an object, as somebody else would."""
        kind = f"{manifest['apiVersion']}/{manifest['kind']}"
        manifest = copied(manifest)
        metadata = manifest["metadata"]
        key = (kind, metadata.get("namespace", ""), metadata["name"])
        old = self.objects.get(key)
        self.version = next(self._versions)
        metadata["resourceVersion"] = str(self.version)
        metadata["uid"] = old["metadata"]["uid"] if old else f"uid-{self.version}"
        metadata.setdefault("creationTimestamp", f"2026-01-01T00:00:{self.version:02}Z")
        self.objects[key] = manifest
        self._tell("MODIFIED" if old else "ADDED", key, manifest)
        return manifest

    def rehearsed(self, act: "Callable[[], Answer]") -> Answer:
        """What would come of a request; nothing is stored, and nobody is told."""
        objects, watchers = self.objects, self.watchers
        self.objects, self.watchers = dict(objects), []
        try:
            return act()
        finally:
            self.objects, self.watchers = objects, watchers

    def remove(self, kind: str, name: str, namespace: str = "") -> None:
        gone = self.objects.pop((kind, namespace, name))
        self.version = next(self._versions)
        self._tell("DELETED", (kind, namespace, name), gone)

    def _tell(self, what: str, key: tuple[str, str, str], item: dict[str, Any]) -> None:
        told = [to for kind, of, to in self.watchers if kind == key[0] and of in ("", key[1])]
        if not told:
            return
        event: dict[str, Any] = {"type": what, "object": copied(item)}
        event["object"]["metadata"]["resourceVersion"] = str(self.version)
        for queue in told:
            queue.put_nowait(event)

    def _scale(self, asked: Asked, kind: str, namespace: str, name: str) -> Answer:
        """GET and JSON PATCH of the subresource; like the real one it leaves out a 0."""
        old = self.objects.get((kind, namespace, name))
        if old is None:
            return missing(kind, name)
        scale = scale_of(old)
        if asked.method == "PATCH":
            if not all(_apply(scale, step) for step in asked.json):
                message = "the server rejected our request due to an error in our request"
                return failed(422, "Invalid", message)
            new = copied(old)
            new["spec"]["replicas"] = scale["spec"].get("replicas", 0)
            scale = scale_of(self.put(new))
        return Answer(body=scale)

    def _get(self, asked: Asked, kind: str, namespace: str, name: str) -> Answer:
        found = self.objects.get((kind, namespace, name))
        if kind == "v1/Namespace" and found is None and name not in self.no_namespaces:
            found = {"metadata": {"name": name}}  # most tests have no more of one than its name
        return Answer(body=found) if found else missing(kind, name)

    def _list(self, asked: Asked, kind: str, namespace: str, name: str) -> Answer:
        found = [
            item
            for key, item in sorted(self.objects.items())
            if key[0] == kind and namespace in ("", key[1]) and _selected(asked.query, item)
        ]
        size = self.page_size or len(found) or 1
        start = int(asked.query.get("continue", 0))
        metadata = {"resourceVersion": str(self.version)}
        if start + size < len(found):
            metadata["continue"] = str(start + size)
        version, _, plain = kind.rpartition("/")
        items = [
            {k: v for k, v in item.items() if k not in ("kind", "apiVersion")}
            for item in found[start : start + size]
        ]
        return Answer(
            body={
                "apiVersion": version,
                "kind": f"{plain}List",
                "metadata": metadata,
                "items": items,
            }
        )

    def _create(self, asked: Asked, kind: str, namespace: str, name: str) -> Answer:
        manifest = asked.json
        if kind.endswith("SelfSubjectAccessReview"):
            wanted = manifest["spec"]["resourceAttributes"]
            plural = "/".join(
                wanted[each] for each in ("resource", "subresource") if wanted.get(each)
            )
            right = (wanted["verb"], plural, wanted.get("namespace", ""))
            return Answer(201, {**manifest, "status": {"allowed": right not in self.denied}})
        if kind.endswith("SelfSubjectRulesReview"):  # as with a webhook: ask for each
            return Answer(201, {**manifest, "status": {"resourceRules": [], "incomplete": True}})
        name = manifest["metadata"]["name"]
        if (kind, namespace, name) in self.objects:
            return failed(409, "AlreadyExists", f'"{name}" already exists', name)
        filled = {"defaulted": True, **_DEFAULTS.get(kind, {}), **manifest.get("spec", {})}
        return Answer(201, self.put({**manifest, "spec": filled}))

    def _update(self, asked: Asked, kind: str, namespace: str, name: str) -> Answer:
        manifest, old = asked.json, self.objects.get((kind, namespace, name))
        if old is None:
            return missing(kind, name)
        version = manifest["metadata"].get("resourceVersion")
        if version and version != old["metadata"]["resourceVersion"]:
            return failed(409, "Conflict", "the object has been modified", name)
        return Answer(body=self.put(manifest))

    def _patch(self, asked: Asked, kind: str, namespace: str, name: str) -> Answer:
        old = self.objects.get((kind, namespace, name))
        form = asked.headers["content-type"]
        if old is None:
            return missing(kind, name)
        new = copied(old)
        if form == "application/merge-patch+json":
            _merge(new, asked.json)
        elif not all(_apply(new, step) for step in asked.json):
            message = "the server rejected our request due to an error in our request"
            return failed(422, "Invalid", message)
        return Answer(body=self.put(new))

    def _delete(self, asked: Asked, kind: str, namespace: str, name: str) -> Answer:
        old = self.objects.get((kind, namespace, name))
        if old is None:
            return missing(kind, name)
        for field_name, value in asked.json.get("preconditions", {}).items():
            if value != old["metadata"][field_name]:
                message = f"the {field_name} in the precondition does not match"
                return failed(409, "Conflict", message, name)
        self.remove(kind, name, namespace)
        return Answer(body={"kind": "Status", "status": "Success"})


def copied(value: Any) -> Any:
    """A copy of what JSON holds; much faster than ``copy.deepcopy``, which takes all there is."""
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    return [copied(item) for item in value] if isinstance(value, list) else value


def scale_of(item: dict[str, Any]) -> dict[str, Any]:
    """The Scale of autoscaling/v1 that belongs to a workload."""
    replicas, metadata = item["spec"].get("replicas", 1), item["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion")
    return {
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {key: metadata[key] for key in kept},
        "spec": {"replicas": replicas} if replicas else {},
        "status": {"replicas": (item.get("status") or {}).get("replicas", 0)},
    }


def place_of(path: str) -> tuple[str, str, str] | None:
    """Kind, namespace, name of a path."""
    parts = path.strip("/").split("/")
    head = 2 if parts[0] == "api" else 3
    rest, namespace = parts[head:], ""
    if len(rest) > 2 and rest[0] == "namespaces":
        namespace, rest = rest[1], rest[2:]
    kind = KIND_OF.get("/" + "/".join([*parts[:head], rest[0]])) if rest else None
    return (kind, namespace, rest[1] if len(rest) > 1 else "") if kind else None


def _selected(query: dict[str, str], item: dict[str, Any]) -> bool:
    labels = item["metadata"].get("labels") or {}
    wanted = dict(part.split("=") for part in query.get("labelSelector", "").split(",") if part)
    fields = dict(part.split("=") for part in query.get("fieldSelector", "").split(",") if part)
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _field(item, key) == value for key, value in fields.items()
    )


def _field(item: dict[str, Any], dotted: str) -> Any:
    value: Any = item
    for key in dotted.split("."):
        value = (value or {}).get(key)
    return value


def _merge(into: dict[str, Any], patch: dict[str, Any]) -> None:
    for key, value in patch.items():
        if isinstance(value, dict):
            _merge(into.setdefault(key, {}), value)
        elif value is None:
            into.pop(key, None)
        else:
            into[key] = value


def _apply(document: dict[str, Any], step: dict[str, Any]) -> bool:
    """One step of a JSON Patch; False when it does not fit."""
    *parents, last = [
        part.replace("~1", "/").replace("~0", "~") for part in step["path"].split("/")[1:]
    ]
    holder: Any = document
    for parent in parents:
        if isinstance(holder, list):
            holder = dict(enumerate(holder)).get(int(parent))
        elif parent in holder:
            holder = holder[parent]
        else:
            return False
    if isinstance(holder, list):
        return _apply_to_list(holder, step, last)
    if step["op"] == "test":
        return bool(holder.get(last) == step["value"])
    if step["op"] == "remove":
        return holder.pop(last, None) is not None
    if step["op"] == "replace" and last not in holder:
        return False
    holder[last] = step["value"]
    return True


def _apply_to_list(items: list[Any], step: dict[str, Any], last: str) -> bool:
    """As RFC 6902 has it: ``add`` moves the others on, the others need an item to be there."""
    if step["op"] == "add":
        items.insert(len(items) if last == "-" else int(last), step["value"])
        return True
    number = int(last)
    if number >= len(items):
        return False
    if step["op"] == "test":
        return bool(items[number] == step["value"])
    if step["op"] == "remove":
        items.pop(number)
    else:
        items[number] = step["value"]
    return True
