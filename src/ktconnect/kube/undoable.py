"""Which foreign fields a session may name in its journal. Pure.

A journal stands on a Lease, and whoever may write Leases may write anything into it; it is undone
by others, who may have more rights. So only what sessions do change is ever written back: fields of
this list, in the Lease's own namespace.
"""

from collections.abc import Iterable

from ktconnect.apply.change import Entry
from ktconnect.errors import UsageError

from .paths import KINDS, split_key

OWN_NOTES = "/metadata/annotations/kt-"
REPLICAS = "/spec/replicas"
FIELDS = {
    KINDS["v1/Service"].plural: ("/spec/selector",),
    KINDS["apps/v1/Deployment"].plural: (REPLICAS,),
    KINDS["apps/v1/StatefulSet"].plural: (REPLICAS,),
    KINDS["apps/v1/ReplicaSet"].plural: (REPLICAS,),
}


def is_undoable(entry: Entry, namespace: str) -> bool:
    """Whether the undo of this step may be done for a session of this namespace."""
    whole, _, pointer = entry.key.partition("#")
    try:
        at = split_key(whole)
    except UsageError:
        return False
    if entry.system != "kube" or at.namespace != namespace or not namespace:
        return False
    if at.subresource:
        return (at.subresource, pointer) == ("scale", REPLICAS)
    plural = KINDS[at.kind].plural if isinstance(at.kind, str) else ""
    return pointer in FIELDS.get(plural, ()) or (plural == "services" and _is_own(pointer))


def _is_own(pointer: str) -> bool:
    return pointer.startswith(OWN_NOTES) and "/" not in pointer[len(OWN_NOTES) :]


def all_undoable(entries: Iterable[Entry], namespace: str) -> bool:
    """Whether all of a journal may be undone."""
    return all(is_undoable(entry, namespace) for entry in entries)
