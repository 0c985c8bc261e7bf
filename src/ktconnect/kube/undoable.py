"""Which foreign fields a session may name in its journal. Pure.

A journal stands on a Lease, and whoever may write Leases may write anything into it; it is undone
by others, who may have more rights. So only what sessions do change is ever written back: fields of
this list, in the Lease's own namespace, and only from what a session puts there. A Service that
leads to its own Pods, or a workload that runs, is therefore never changed by an undo.
"""

import re
from collections.abc import Iterable

from ktconnect.apply.change import Entry, Json
from ktconnect.errors import UsageError

from .paths import KINDS, split_key
from .pointer import REPLICAS

AGENT = re.compile(r".+-kt-((exchange|preview|mesh|mirror)-[a-z0-9]+|router)")
"""The names of agents and routers that callers come to; a selector that leads there has them as
values."""

ROUTE = re.compile(r"/spec/http\[name=(kt-(mesh|mirror)-[a-z0-9]([-a-z0-9]*[a-z0-9])?)\]")
"""A route of ours among the user's own, in a VirtualService (Istio, "HTTPRoute", ``name``)."""

VIRTUAL_SERVICE = "networking.istio.io/v1/VirtualService"
OWN_NOTES = "/metadata/annotations/kt-"
SELECTOR = "/spec/selector"
FIELDS = {
    KINDS["v1/Service"].plural: (SELECTOR,),
    KINDS["apps/v1/Deployment"].plural: (REPLICAS,),
    KINDS["apps/v1/StatefulSet"].plural: (REPLICAS,),
    KINDS["apps/v1/ReplicaSet"].plural: (REPLICAS,),
}


def is_undoable(entry: Entry, namespace: str) -> bool:
    """Whether the undo of this step may be done for a session of this namespace."""
    return _is_named_rightly(entry, namespace) and _is_like_ours(entry)


def _is_like_ours(entry: Entry) -> bool:
    """Whether it is a step of a session: callers led to an agent, a workload scaled to 0, a route
    added. An undo therefore adds no route, and takes none away that has another name."""
    pointer = entry.key.partition("#")[2]
    if route := ROUTE.fullmatch(pointer):
        return entry.before is None and _name(entry.after) == route[1]
    if pointer == REPLICAS:
        return entry.after == 0 and isinstance(entry.before, int) and entry.before > 0
    if pointer == SELECTOR:
        return bool(entry.before) and _leads_to_agent(entry.after)
    return True


def _name(item: Json | None) -> Json | None:
    return item.get("name") if isinstance(item, dict) else None


def _leads_to_agent(selector: Json | None) -> bool:
    values = selector.values() if isinstance(selector, dict) else ()
    return bool(values) and all(AGENT.fullmatch(str(value)) for value in values)


def _is_named_rightly(entry: Entry, namespace: str) -> bool:
    whole, _, pointer = entry.key.partition("#")
    try:
        at = split_key(whole)
    except UsageError:
        return False
    if entry.system != "kube" or at.namespace != namespace or not namespace:
        return False
    if at.subresource:
        return (at.subresource, pointer) == ("scale", REPLICAS)
    if at.kind == VIRTUAL_SERVICE:
        return ROUTE.fullmatch(pointer) is not None
    plural = KINDS[at.kind].plural if isinstance(at.kind, str) else ""
    return pointer in FIELDS.get(plural, ()) or (plural == "services" and _is_own(pointer))


def _is_own(pointer: str) -> bool:
    return pointer.startswith(OWN_NOTES) and "/" not in pointer[len(OWN_NOTES) :]


def all_undoable(entries: Iterable[Entry], namespace: str) -> bool:
    """Whether all of a journal may be undone."""
    return all(is_undoable(entry, namespace) for entry in entries)
