"""Which kinds can be scaled: those whose objects have a ``scale`` subresource, by API discovery.

Built-in workloads are in the table; all others are asked for (Kubernetes, "API Discovery"; custom
resources: "Extend the Kubernetes API with CustomResourceDefinitions", scale subresource).
"""

import asyncio
from collections.abc import Callable, Iterable

from ktconnect.errors import Forbidden

from .client import Cluster
from .failures import NotFound
from .paths import KINDS, Kind, Manifest, Resource

SCALE = "scale"
KNOWN = ("apps/v1/Deployment", "apps/v1/StatefulSet", "apps/v1/ReplicaSet")
AT_ONCE = 8

Fits = Callable[[Manifest], bool]


async def scalable_kind(cluster: Cluster, version: str, kind: str) -> Kind | None:
    """The kind that manifests write as ``version`` and ``kind``, if it can be scaled."""
    if f"{version}/{kind}" in KINDS:
        return f"{version}/{kind}" if f"{version}/{kind}" in KNOWN else None
    return await _in_version(cluster, version, lambda each: each["kind"] == kind)


async def scalable_word(cluster: Cluster, word: str) -> Resource | None:
    """What kubectl calls ``rollouts``, ``rollout``, ``ro`` or ``rollouts.argoproj.io``.

    None if no group has such a kind, or none that can be scaled.
    """
    name, _, group = word.lower().partition(".")
    groups = (await cluster.served("/apis")).get("groups") or ()
    versions = [
        each["preferredVersion"]["groupVersion"] for each in groups if group in ("", each["name"])
    ]
    gate = asyncio.Semaphore(AT_ONCE)

    async def look(version: str) -> Resource | None:
        async with gate:
            return await _in_version(cluster, version, lambda each: name in _words(each))

    found = await asyncio.gather(*map(look, versions))
    return next(filter(None, found), None)


async def _in_version(cluster: Cluster, version: str, fits: Fits) -> Resource | None:
    try:
        listed = (await cluster.served(f"/apis/{version}")).get("resources") or []
    except (NotFound, Forbidden):
        return None
    scalable = {each["name"] for each in listed if each["name"].endswith(f"/{SCALE}")}
    for each in _fitting(listed, fits):
        if f"{each['name']}/{SCALE}" in scalable:
            group, _, number = version.partition("/")
            return Resource(group, number, each["name"])
    return None


def _fitting(listed: Iterable[Manifest], fits: Fits) -> list[Manifest]:
    return [each for each in listed if "/" not in each["name"] and fits(each)]


def _words(resource: Manifest) -> tuple[str, ...]:
    singular = resource.get("singularName") or str(resource["kind"]).lower()
    return (resource["name"], singular, *(resource.get("shortNames") or ()))
