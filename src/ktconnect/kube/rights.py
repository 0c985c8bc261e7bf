"""Which rights a user lacks, by the rules that hold for him, and by SelfSubjectAccessReview."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, NamedTuple

from ktconnect.errors import Forbidden, Refused
from ktconnect.groups import task_group

from . import granted
from .failures import NotFound
from .paths import Manifest

AT_ONCE = 8
MANY = 3
"""So many rights in one namespace are asked for together first."""

Create = Callable[[Manifest], Awaitable[Manifest]]


class Right(NamedTuple):
    """A verb on a resource (``pods``, ``pods/portforward``); namespace "" is the whole cluster."""

    verb: str
    group: str
    resource: str
    namespace: str = ""

    def __str__(self) -> str:
        plural, slash, part = self.resource.partition("/")
        resource = (f"{plural}.{self.group}" if self.group else plural) + slash + part
        where = f"in namespace {self.namespace}" if self.namespace else "in the whole cluster"
        return f"{self.verb} {resource} {where}"


def named(rights: Iterable[Right]) -> str:
    """Many rights in few words: ``create, get leases.coordination.k8s.io in namespace demo; …``."""
    verbs: dict[Right, list[str]] = {}
    for right in dict.fromkeys(rights):
        verbs.setdefault(right._replace(verb=""), []).append(right.verb)
    return "; ".join(str(on._replace(verb=", ".join(said))) for on, said in verbs.items())


def denied(rights: Iterable[Right]) -> str:
    """What a user lacks, as a message: ``you may not create pods in namespace demo``; of several
    resources each on a line of its own."""
    lines = named(rights).split("; ")
    if len(lines) == 1:
        return f"you may not {lines[0]}"
    return "\n  ".join(["you may not", *lines])


def review(right: Right) -> Manifest:
    """The question as a manifest."""
    resource, _, subresource = right.resource.partition("/")
    attributes = {
        "verb": right.verb,
        "group": right.group,
        "resource": resource,
        "subresource": subresource,
        "namespace": right.namespace,
    }
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "metadata": {},
        "spec": {"resourceAttributes": {key: value for key, value in attributes.items() if value}},
    }


async def missing(create: Create, needed: Iterable[Right]) -> tuple[Right, ...]:
    """The rights that the server would deny, in the order asked.

    A server that does not even let us ask counts as allowing: the deed itself will tell.
    """
    rights = [Right(*right) for right in needed]
    namespaces = Counter(right.namespace for right in rights if right.namespace)
    for namespace in (each for each, number in namespaces.items() if number >= MANY):
        rules = await _rules(create, namespace)
        rights = [
            right
            for right in rights
            if right.namespace != namespace or not granted.grants(rules, right)
        ]
    return await _denied(create, rights)


async def _rules(create: Create, namespace: str) -> list[Mapping[str, Any]]:
    try:
        return granted.rules_of(await create(granted.review(namespace)))
    except (Forbidden, NotFound, Refused):
        return []


async def _denied(create: Create, rights: list[Right]) -> tuple[Right, ...]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def is_missing(right: Right) -> bool:
        async with gate:
            try:
                answer = await create(review(right))
            except Forbidden:
                return False
            return not answer["status"].get("allowed", False)

    async with task_group() as group:
        tasks = [group.create_task(is_missing(right)) for right in rights]
    return tuple(right for right, task in zip(rights, tasks, strict=True) if task.result())
