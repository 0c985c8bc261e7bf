"""Which foreign fields a session may name in its journal. Pure.

A journal stands on a Lease, and whoever may write Leases may write anything into it; it is undone
by others, who may have more rights. So only what sessions do change is ever written back: fields of
this list, in the Lease's own namespace, and only from what a session puts there. A Service that
leads to its own Pods, or a workload that runs, is therefore never changed by an undo. And a
selector only by the one Lease that all who lead callers of that Service use: as long as callers are
led, it is there, so that nobody else can have made it.
"""

import json
import re
from collections.abc import Iterable

from ktconnect.apply.change import Entry, Json
from ktconnect.errors import UsageError
from ktconnect.names import REPLICAS

from .paths import KINDS, VIRTUAL_SERVICE, split_key

AGENT = re.compile(r".+-kt-((exchange|preview|mesh|mirror)-[a-z0-9]+|router)")
"""The names of agents and routers that callers come to; a selector that leads there has them as
values."""

LEADING = (
    (re.compile(r".+-kt-router"), "kt-router-"),
    (re.compile(r".+-kt-(exchange|mirror)-[a-z0-9]+"), "kt-exchange-"),
)
"""Of those the ones that a selector is led to, and how the Lease is called in whose journal that
stands: this, and the Service's name."""

ROUTE = re.compile(r"/spec/http\[name=(kt-(exchange|mesh|mirror)-[a-z0-9]([-a-z0-9]*[a-z0-9])?)\]")
"""A route of ours among the user's own, in a VirtualService (Istio, "HTTPRoute", ``name``)."""

SHARE = "/metadata/annotations/kt-route"
"""What a session takes of a Service, said on its own Service: undone, it is leaving."""

SELECTOR = "/spec/selector"
FIELDS = {
    KINDS["v1/Service"].plural: (SELECTOR, SHARE),
    KINDS["apps/v1/Deployment"].plural: (REPLICAS,),
    KINDS["apps/v1/StatefulSet"].plural: (REPLICAS,),
    KINDS["apps/v1/ReplicaSet"].plural: (REPLICAS,),
}


def is_undoable(entry: Entry, namespace: str, lease: str) -> bool:
    """Whether the undo of this step may be done for the session of this namespace and Lease."""
    return _is_named_rightly(entry, namespace) and _is_like_ours(entry, lease)


def is_led(selector: Json | None) -> bool:
    """Whether it finds an agent or a router of ours: no owner of a Service wants that."""
    return any(AGENT.fullmatch(str(value)) for value in _values(selector))


def leads_through_router(entries: Iterable[Entry]) -> bool:
    """Whether some of these steps lead callers to a router, through which their calls go until they
    end: unlike an agent it ends with its Pod, whoever is being answered."""
    router, _ = LEADING[0]
    return any(router.fullmatch(str(value)) for each in entries for value in _values(each.after))


def leads_callers(entries: Iterable[Entry]) -> bool:
    """Whether some of these steps lead callers elsewhere, which takes nodes a while to follow."""
    return any(entry.key.endswith(f"#{SELECTOR}") for entry in entries)


def _is_like_ours(entry: Entry, lease: str) -> bool:
    """Whether it is a step of a session: callers led to an agent, a workload scaled to 0, a route
    added, a share that is no longer leaving. An undo therefore adds no route, takes none away that
    has another name, and rewrites no share."""
    whole, _, pointer = entry.key.partition("#")
    if route := ROUTE.fullmatch(pointer):
        return entry.before is None and _name(entry.after) == route[1]
    if pointer == REPLICAS:
        return entry.after == 0 and isinstance(entry.before, int) and entry.before > 0
    if pointer == SHARE:
        return _says_leaving(entry.before, entry.after)
    return bool(entry.before) and _leads_as(lease, split_key(whole).name, entry.after)


def _name(item: Json | None) -> Json | None:
    return item.get("name") if isinstance(item, dict) else None


def _values(selector: Json | None) -> list[Json]:
    return list(selector.values()) if isinstance(selector, dict) else []


def _leads_as(lease: str, service: str, selector: Json | None) -> bool:
    """Whether it leads callers of ``service`` to where the session with this Lease does."""
    values = _values(selector)
    return bool(values) and any(
        lease == f"{prefix}{service}" and all(ours.fullmatch(str(value)) for value in values)
        for ours, prefix in LEADING
    )


def _says_leaving(before: Json | None, after: Json | None) -> bool:
    """Whether it is the same share, but for ``leaving``."""
    try:
        share, left = json.loads(after or ""), json.loads(before or "")
    except (TypeError, ValueError, RecursionError):
        return False
    return isinstance(share, dict) and left == {**share, "leaving": True}


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
    return pointer in FIELDS.get(plural, ())


def all_undoable(entries: Iterable[Entry], namespace: str, lease: str) -> bool:
    """Whether all of a journal may be undone; see `is_undoable`."""
    return all(is_undoable(entry, namespace, lease) for entry in entries)
