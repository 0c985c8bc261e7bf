"""What the user asked of `ktctl mesh`, as a frozen value."""

from dataclasses import dataclass, field
from typing import Literal

from ktconnect.modes.serving.spec import ServingSpec
from ktconnect.objects.ports import Expose
from ktconnect.objects.router import RouterPod

MeshMode = Literal["auto", "manual", "router", "istio", "gateway"]


@dataclass(frozen=True, slots=True)
class MeshSpec:
    """One ``ktctl mesh``; ``targets`` and ``matches`` as the user wrote them.

    ``mark``: of ``--versionMark``, "" if it was not said. ``router``: how a router looks, where
    this session is the first that needs one.
    """

    targets: tuple[str, ...]
    exposes: tuple[Expose, ...] = ()
    serving: ServingSpec = field(default_factory=ServingSpec)
    mode: MeshMode = "auto"
    mark: str = ""
    matches: tuple[str, ...] = ()
    router: RouterPod = field(default_factory=RouterPod)
