"""What KT Connect 0.3 leaves in a namespace, read off objects. Pure.

It marks all it makes with ``control-by=kt``, says in ``kt-last-heart-beat`` every two minutes that
its laptop lives, keeps a Service's own selector in its annotation ``kt-selector``, and in
``kt-config`` of a shadow what was taken. It has no Leases. What carries ``kt-session`` is ours.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from ktconnect import names
from ktconnect.objects.session import Manifest

SERVICE = "v1/Service"
POD = "v1/Pod"
DEPLOYMENT = "apps/v1/Deployment"
CONFIG_MAP = "v1/ConfigMap"
KINDS = (SERVICE, POD, DEPLOYMENT, CONFIG_MAP)

SELECTOR, LOCK = "kt-selector", "kt-lock"
HEART_BEAT, CONFIG = "kt-last-heart-beat", "kt-config"
EXCHANGE, MESH, ROUTER = "shadow-exchange", "shadow-mesh", "router"
RECTIFIER = "kt-rectifier-"
OWN_LABELS = frozenset({names.LABEL_ROLE, "kt-target", names.LABEL_CONTROL_BY})

LEAST_SILENCE = timedelta(minutes=5)
"""Two missed heart beats: who is silent for less may be alive, whatever the user asked for."""
LOCK_LASTS = timedelta(minutes=3)


@dataclass(frozen=True, slots=True)
class Seen:
    """A namespace as it was found: ``objects`` by kind. One that may not be listed is missing."""

    namespace: str
    now: datetime
    silence: timedelta = LEAST_SILENCE
    objects: Mapping[str, tuple[Manifest, ...]] = field(default_factory=dict)
    force: bool = False
    """Everybody counts as silent: for a target that is taken back from the living."""

    def of(self, kind: str) -> tuple[Manifest, ...]:
        """All of a kind, whoever made them."""
        return self.objects.get(kind, ())

    def made(self, kind: str) -> tuple[Manifest, ...]:
        """Those that KT Connect made, and that stand for themselves.

        Pods of a Deployment are left out: their heart beat stands still while its own goes on.
        """
        return tuple(filter(is_theirs, self.of(kind)))

    @property
    def shows_users(self) -> bool:
        """Whether all kinds that serve callers could be listed."""
        return POD in self.objects and DEPLOYMENT in self.objects

    def shadows(self) -> Iterable[tuple[str, Manifest]]:
        """Pods and Deployments that KT Connect made, with their kind."""
        for kind in (POD, DEPLOYMENT):
            for each in self.made(kind):
                yield kind, each

    def is_silent(self, each: Manifest) -> bool:
        """Whether its laptop has not been heard for long enough. What never beat is not judged."""
        beat = heart_beat(each)
        if beat is None:
            return False
        return self.force or self.now - beat > max(self.silence, LEAST_SILENCE)


def is_theirs(each: Manifest) -> bool:
    """Made by KT Connect, not by us, and not by a controller in turn."""
    labels = each["metadata"].get("labels") or {}
    return (
        labels.get(names.LABEL_CONTROL_BY) == names.CONTROL_BY
        and names.LABEL_SESSION not in labels
        and not each["metadata"].get("ownerReferences")
    )


def notes_of(each: Manifest) -> Mapping[str, str]:
    """Its annotations."""
    return each["metadata"].get("annotations") or {}


def role_of(each: Manifest) -> str:
    """What part it has: shadow-exchange, shadow-mesh, router …"""
    return str((each["metadata"].get("labels") or {}).get(names.LABEL_ROLE, ""))


def name_of(each: Manifest) -> str:
    return str(each["metadata"]["name"])


def heart_beat(each: Manifest) -> datetime | None:
    """When its laptop was heard last; None if that was never written down."""
    return _moment(notes_of(each).get(HEART_BEAT))


def locked_since(service: Manifest) -> datetime | None:
    """When somebody began to change the Service; None if nobody is."""
    return _moment(notes_of(service).get(LOCK))


def config_of(each: Manifest) -> dict[str, str]:
    """``service=web`` or ``app=web,replicas=3``."""
    pairs = (part.partition("=") for part in notes_of(each).get(CONFIG, "").split(","))
    return {key.strip(): value.strip() for key, equals, value in pairs if equals}


def kept_selector(service: Manifest) -> dict[str, str] | None:
    """The Service's own selector, as KT Connect kept it; None if that can't be read."""
    try:
        found: Any = json.loads(notes_of(service).get(SELECTOR, ""))
    except ValueError:
        return None
    whole = isinstance(found, dict) and all(isinstance(value, str) for value in found.values())
    return found if whole and found else None


def leads_to_them(service: Manifest) -> bool:
    """Whether callers are led to something that KT Connect made."""
    selector = service["spec"].get("selector") or {}
    return names.LABEL_SESSION not in selector and bool(OWN_LABELS & set(selector))


def _moment(text: str | None) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(text or ""), UTC)
    except (ValueError, OverflowError, OSError):
        return None
