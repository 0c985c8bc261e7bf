"""A small API server on a real socket: objects in a dict, watches, patches, denials.

It keeps the rules that the code under test relies on: resourceVersions, UIDs and their
preconditions, JSON Patch with ``test``, pages, watches with bookmarks and 410, RBAC's words.
"""

import asyncio
import copy
import itertools
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from ktconnect.kube.config import KubeConfig, Login
from ktconnect.kube.paths import KINDS

KIND_OF = {
    resource.path().rsplit("/", 1)[0] + "/" + resource.plural: kind
    for kind, resource in KINDS.items()
}


@dataclass
class Asked:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Answer:
    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False  # close the connection instead of answering


class FakeApi:
    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.denied: set[tuple[str, str, str]] = set()  # verb, plural, namespace
        self.asked: list[Asked] = []
        self.next_answers: list[Answer] = []
        self.routes: dict[str, Callable[[Asked], Answer]] = {}
        self.page_size = 0
        self.now: float | None = None
        self.token = ""
        self.watchers: list[tuple[str, str, asyncio.Queue[dict[str, Any] | None]]] = []
        self.queues: list[asyncio.Queue[dict[str, Any] | None]] = []
        self.writers: set[asyncio.StreamWriter] = set()
        self.too_old = False
        self._opened = asyncio.Event()
        self._versions = itertools.count(1)
        self.version = 0
        self.port = 0
        self.scheme = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def config(self, **fields: Any) -> KubeConfig:
        return KubeConfig(
            **{
                "server": self.url,
                "context": "fake",
                "user": "u",
                "login": Login(token="secret"),
                **fields,
            }
        )

    @asynccontextmanager
    async def serving(self, tls: ssl.SSLContext | None = None) -> AsyncIterator["FakeApi"]:
        self.scheme = "https" if tls else "http"
        server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            async with asyncio.TaskGroup() as self._group:
                yield self
                server.close()
                self.drop_connections()
        finally:
            server.close()

    def drop_connections(self) -> None:
        """Cut every connection, as a restart or a broken network does."""
        for writer in list(self.writers):
            writer.transport.abort()
        self.end_watches()

    def end_watches(self) -> None:
        """End every watch in good order, as the server does now and then."""
        for queue in self.queues:
            queue.put_nowait(None)
        self.queues.clear()
        self.watchers.clear()

    def put(self, manifest: dict[str, Any]) -> dict[str, Any]:
        """Make or change an object, as somebody else would."""
        kind = f"{manifest['apiVersion']}/{manifest['kind']}"
        manifest = copy.deepcopy(manifest)
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

    def remove(self, kind: str, name: str, namespace: str = "") -> None:
        gone = self.objects.pop((kind, namespace, name))
        self.version = next(self._versions)
        self._tell("DELETED", (kind, namespace, name), gone)

    def _tell(self, what: str, key: tuple[str, str, str], item: dict[str, Any]) -> None:
        event: dict[str, Any] = {"type": what, "object": copy.deepcopy(item)}
        event["object"]["metadata"]["resourceVersion"] = str(self.version)
        for kind, namespace, queue in self.watchers:
            if kind == key[0] and namespace in ("", key[1]):
                queue.put_nowait(event)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._group.create_task(self._serve(reader, writer))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.add(writer)
        try:
            while (asked := await _read(reader)) is not None:
                self.asked.append(asked)
                if not await self._respond(asked, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.writers.discard(writer)
            writer.close()

    async def _respond(self, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        answer = self.next_answers.pop(0) if self.next_answers else None
        if answer is None and asked.query.get("watch") == "true":
            answer = await self._watch(asked, writer)
            if answer is None:
                return False
        answer = answer or self._answer(asked)
        if answer.cut:
            return False
        body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        writer.write(_head(answer, self.now) + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        return True

    def _answer(self, asked: Asked) -> Answer:
        if self.token and asked.headers.get("authorization") != f"Bearer {self.token}":
            return failed(401, "Unauthorized", "Unauthorized")
        if asked.path in self.routes:
            return self.routes[asked.path](asked)
        if asked.path == "/version":
            return Answer(body={"major": "1", "minor": "36+", "gitVersion": "v1.36.3"})
        place = _place(asked.path)
        if place is None:
            return Answer(404, b"404 page not found\n")
        kind, namespace, name = place
        plural = KINDS[kind].plural
        scale = asked.path.endswith(f"/{name}/scale")
        if scale:
            plural += "/scale"
        verb = {"POST": "create", "PUT": "update", "GET": "get" if name else "list"}.get(
            asked.method, asked.method.lower()
        )
        if (verb, plural, namespace) in self.denied or (verb, plural, "*") in self.denied:
            return denied(verb, plural, namespace)
        if scale:
            return self._scale(asked, kind, namespace, name)
        answer: Answer = getattr(self, f"_{verb}")(asked, kind, namespace, name)
        return answer

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
            new = copy.deepcopy(old)
            new["spec"]["replicas"] = scale["spec"].get("replicas", 0)
            scale = scale_of(self.put(new))
        return Answer(body=scale)

    def _get(self, asked: Asked, kind: str, namespace: str, name: str) -> Answer:
        found = self.objects.get((kind, namespace, name))
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
            right = (wanted["verb"], wanted["resource"], wanted.get("namespace", ""))
            return Answer(201, {**manifest, "status": {"allowed": right not in self.denied}})
        name = manifest["metadata"]["name"]
        if (kind, namespace, name) in self.objects:
            return failed(409, "AlreadyExists", f'"{name}" already exists', name)
        return Answer(
            201, self.put({**manifest, "spec": {"defaulted": True, **manifest.get("spec", {})}})
        )

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
        if form == "application/apply-patch+yaml":
            return Answer(200 if old else 201, self.put(asked.json))
        if old is None:
            return missing(kind, name)
        new = copy.deepcopy(old)
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

    async def _watch(self, asked: Asked, writer: asyncio.StreamWriter) -> Answer | None:
        place = _place(asked.path)
        assert place
        kind, namespace, _ = place
        plural = KINDS[kind].plural
        if ("watch", plural, namespace) in self.denied:
            return denied("watch", plural, namespace)
        if self.token and asked.headers.get("authorization") != f"Bearer {self.token}":
            return failed(401, "Unauthorized", "Unauthorized")
        if self.too_old:
            self.too_old = False
            return failed(410, "Expired", "too old resource version")
        queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self.watchers.append((kind, namespace, queue))
        self.queues.append(queue)
        self._opened.set()
        writer.write(_head(Answer(), self.now) + b"Connection: close\r\n\r\n")
        while (event := await queue.get()) is not None:
            writer.write(json.dumps(event).encode() + b"\n")
            await writer.drain()
        return None

    async def watched(self, number: int = 1) -> None:
        """Until so many watches are open."""
        async with asyncio.timeout(5):
            while len(self.watchers) < number:
                self._opened.clear()
                await self._opened.wait()


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


def failed(code: int, reason: str, message: str, name: str = "") -> Answer:
    details = {"name": name} if name else {}
    return Answer(
        code,
        {
            "kind": "Status",
            "status": "Failure",
            "reason": reason,
            "message": message,
            "details": details,
            "code": code,
        },
    )


def missing(kind: str, name: str) -> Answer:
    return failed(404, "NotFound", f'{KINDS[kind].plural} "{name}" not found', name)


def denied(verb: str, plural: str, namespace: str) -> Answer:
    return failed(
        403,
        "Forbidden",
        f'{plural} is forbidden: User "dev" cannot {verb} resource '
        f'"{plural}" in API group "" in the namespace "{namespace}"',
    )


def _head(answer: Answer, now: float | None) -> bytes:
    lines = [f"HTTP/1.1 {answer.status} Fake"]
    if now is not None:
        lines.append(f"Date: {formatdate(now, usegmt=True)}")
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    return ("\r\n".join(lines) + "\r\n").encode()


async def _read(reader: asyncio.StreamReader) -> Asked | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.split("\r\n")
    method, target, _ = first.split(" ")
    headers = {}
    for line in filter(None, lines):
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    parts = urlsplit(target)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    return Asked(method, unquote(parts.path), query, headers, body)


def _place(path: str) -> tuple[str, str, str] | None:
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
        if parent not in holder:
            return False
        holder = holder[parent]
    if isinstance(holder, list) and last == "-":
        holder.append(step["value"])
        return True
    if step["op"] == "test":
        return bool(holder.get(last) == step["value"])
    if step["op"] == "remove":
        return holder.pop(last, None) is not None
    if step["op"] == "replace" and last not in holder:
        return False
    holder[last] = step["value"]
    return True
