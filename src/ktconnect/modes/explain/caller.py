"""Who asks, and whether something beside it reads rules. Pure."""

from collections.abc import Mapping
from itertools import chain
from typing import Final

from ktconnect.errors import UsageError
from ktconnect.modes.checks.seen import labels_of
from ktconnect.objects.session import Manifest
from ktconnect.rules.explain_facts import Caller, Mesh
from ktconnect.rules.meshes import AMBIENT, INJECTED, SIDECARS, WAYPOINT

from .seen import Seen

READERS: Final[Mapping[str, Mesh]] = {"istio": "istio", "linkerd": "linkerd", "kuma": "kuma"}
INJECTION: Final = "istio-injection"
REDIRECTED: Final = "ambient.istio.io/redirection"  # annotation of a Pod that ztunnel serves


def caller_of(seen: Seen, text: str) -> Caller:
    """The caller that is meant: ``pod/NAME``, ``namespace/NAME``, or one of the two by its name.

    Without one it is a Pod like those that the Service's namespace gets.
    Raises: UsageError for one that isn't there.
    """
    word, _, name = text.rpartition("/")
    if not text:
        return _of_namespace(seen, seen.namespace, "any caller in")
    if word in ("", "pod", "pods", "po"):
        found = _pod(seen, name)
        if found is not None:
            return of_pod(found)
    if word in ("", "namespace", "namespaces", "ns") and (name in seen.spaces or word):
        return _of_namespace(seen, name, "a Pod of")
    raise UsageError(
        f"--from {text}: namespace {seen.namespace} has no such Pod",
        hint="name a Pod of that namespace, or namespace/NAME",
    )


def namespace_of(text: str, otherwise: str) -> str:
    """The namespace that ``--from`` names, before it is known what there is."""
    word, _, name = text.rpartition("/")
    return name if word in ("namespace", "namespaces", "ns") else otherwise


def of_pod(pod: Manifest) -> Caller:
    """A Pod as a caller."""
    return Caller(
        f"Pod {pod['metadata']['name']}", pod["metadata"]["namespace"], labels_of(pod), mesh_of(pod)
    )


def mesh_of(pod: Manifest) -> Mesh:
    """Which mesh's proxy a Pod has beside it, or below it."""
    spec = pod["spec"]
    for each in chain(spec.get("containers") or (), spec.get("initContainers") or ()):
        if each["name"] in SIDECARS:
            return READERS[SIDECARS[each["name"]]]
    notes = pod["metadata"].get("annotations") or {}
    return "ambient" if notes.get(REDIRECTED) == "enabled" else ""


def _pod(seen: Seen, name: str) -> Manifest | None:
    """A Pod by its name, or the first of a workload's."""
    exact = [pod for pod in seen.pods if pod["metadata"]["name"] == name]
    begins = [pod for pod in seen.pods if pod["metadata"]["name"].startswith(f"{name}-")]
    return next(iter(exact or begins), None)


def _of_namespace(seen: Seen, namespace: str, who: str) -> Caller:
    space = seen.spaces.get(namespace)
    return Caller(f"{who} namespace {namespace}", namespace, {}, _injected(space))


def _injected(space: Manifest | None) -> Mesh:
    """What a new Pod of a namespace gets (Istio "Automatic sidecar injection", Linkerd, Kuma)."""
    if space is None:
        return ""
    said = {**(space["metadata"].get("annotations") or {}), **labels_of(space)}
    if said.get(AMBIENT) == "ambient":
        return "ambient"
    if said.get(INJECTION) == "disabled":  # it goes before a revision
        return ""
    for name, key, values in INJECTED:
        if key in said and (not values or said[key] in values):
            return READERS[name]
    return ""


def waypoint_of(seen: Seen) -> str:
    """The waypoint through which callers of the Service go; "" for none."""
    space = seen.spaces.get(seen.namespace)
    told = labels_of(seen.service).get(WAYPOINT) or (
        labels_of(space).get(WAYPOINT) if space else ""
    )
    return "" if told in (None, "none") else str(told)
