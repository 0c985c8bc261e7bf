"""What a fake API server is asked, and what it says: HTTP/1.1 and Kubernetes' Status objects."""

import asyncio
import json
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from ktconnect.kube.paths import KINDS


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


def head_of(answer: Answer, now: float | None) -> bytes:
    lines = [f"HTTP/1.1 {answer.status} Fake"]
    if now is not None:
        lines.append(f"Date: {formatdate(now, usegmt=True)}")
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    return ("\r\n".join(lines) + "\r\n").encode()


async def read_request(reader: asyncio.StreamReader) -> Asked | None:
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
