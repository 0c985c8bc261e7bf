"""Following a collection for as long as wanted, across lost connections and expired versions."""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple, Protocol

from ktconnect.errors import Unreachable

from .failures import Expired, TooMany, Unauthorized, parsed
from .paths import Manifest
from .rest import Request, Rest

LASTS = 240  # seconds after which the server ends a watch, so that a silent one is renewed
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 8.0

Happening = Literal["ADDED", "MODIFIED", "DELETED", "SYNCED"]


class Event(NamedTuple):
    """What happened to an object; SYNCED (once, no object): the first list is complete."""

    type: Happening
    object: Manifest


class Listed(Protocol):
    @property
    def items(self) -> list[Manifest]: ...
    @property
    def version(self) -> str: ...


Lister = Callable[[], Awaitable[Listed]]


@dataclass(slots=True)
class Known:
    """What the reader was told so far: the pure part of a watch."""

    objects: dict[str, Manifest] = field(default_factory=dict)
    version: str = ""

    def listed(self, listing: Listed) -> Iterator[Event]:
        """The events that lead from what was told to a new list."""
        now = {uid(item): item for item in listing.items}
        for gone in [known for known in self.objects if known not in now]:
            yield Event("DELETED", self.objects.pop(gone))
        for key, item in now.items():
            before = self.objects.get(key)
            if before is None or version_of(before) != version_of(item):
                self.objects[key] = item
                yield Event("ADDED" if before is None else "MODIFIED", item)
        self.version = listing.version

    def received(self, line: dict[str, Any]) -> Iterator[Event]:
        """The event of one line of a watch; none for a bookmark.

        Raises: Expired when the server says that the version is too old.
        """
        kind, item = line["type"], line["object"]
        if kind == "ERROR":
            raise Expired(str(item.get("message", "the watch ended with an error")))
        self.version = version_of(item)
        if kind == "DELETED":
            self.objects.pop(uid(item), None)
        elif kind in ("ADDED", "MODIFIED"):
            self.objects[uid(item)] = item
        else:
            return
        yield Event(kind, item)


def uid(item: Manifest) -> str:
    return str(item["metadata"].get("uid", ""))


def version_of(item: Manifest) -> str:
    return str(item["metadata"].get("resourceVersion", ""))


async def watch(rest: Rest, request: Request, take: Lister) -> AsyncGenerator[Event, None]:
    """See `Cluster.watch`; ``take`` lists what ``request`` watches."""
    known = Known()
    for event in known.listed(await take()):
        yield event
    yield Event("SYNCED", {})
    pause, renewed = FIRST_PAUSE, False
    while True:
        try:
            async with aclosing(_following(rest, request, take, known)) as events:
                async for event in events:
                    pause, renewed = FIRST_PAUSE, False
                    yield event
        except Expired:
            known.version = ""
        except Unauthorized:
            if renewed or not rest.credentials.forget():
                raise
            renewed = True
        except (Unreachable, TooMany):
            pause = min(pause * 2, LONGEST_PAUSE)
        await asyncio.sleep(pause * random.uniform(0.5, 1))


async def _following(
    rest: Rest, request: Request, take: Lister, known: Known
) -> AsyncGenerator[Event, None]:
    """Events of one connection, after a new list if the version is not known or too old."""
    if not known.version:
        for event in known.listed(await take()):
            yield event
    async with aclosing(_lines(rest, request, known.version)) as lines:
        async for line in lines:
            for event in known.received(line):
                yield event


async def _lines(
    rest: Rest, request: Request, version: str
) -> AsyncGenerator[dict[str, Any], None]:
    params = {
        **(request.params or {}),
        "watch": "true",
        "resourceVersion": version,
        "allowWatchBookmarks": "true",
        "timeoutSeconds": str(LASTS),
    }
    async with rest.stream(replace(request, params=params), silence=LASTS + 15) as response:
        async for line in response.aiter_lines():
            if line:
                yield parsed(line)
