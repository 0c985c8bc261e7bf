"""How what several sessions of one Service share is called, and who takes part in it. Pure."""

from collections.abc import Iterable

from ktconnect import names
from ktconnect.objects.session import Record, Session, label_value


def shared_name(service: str) -> str:
    """The name of the Lease that all who share the requests of a Service have in common."""
    return f"kt-router-{service}"


def share_lease(service: str, mode: str, label: str) -> str:
    """The name of the Lease of one who shares a Service: ``kt-mesh-web.ci``. Names of Services have
    no dots, so this is nobody else's."""
    return f"kt-{mode}-{service}.{label}"


def shared_session(service: str, namespace: str) -> Session:
    """As whose objects those are made that all share: nobody's own."""
    target = (names.LABEL_TARGET, label_value(service))
    return Session(shared_name(service), namespace, names.ROLE_ROUTER, names.ROUTER, (target,))


def participants(records: Iterable[Record], namespace: str, name: str) -> list[Record]:
    """Those of these sessions that take part in the shared Lease ``name``, alive or not."""
    return [each for each in records if (each.namespace, each.shared) == (namespace, name)]
