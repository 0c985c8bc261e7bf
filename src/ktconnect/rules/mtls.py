"""Whether Pods turn plain text away (Istio, "PeerAuthentication"). Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Manifest = Mapping[str, Any]


def is_strict(policies: Sequence[Manifest], namespace: str, pods: Sequence[Manifest]) -> bool:
    """What is said for one of the Pods counts before what is said for their namespace, and that
    before what is said for all. ``policies``: of the namespace, and of Istio's own."""
    own = [each for each in policies if each["metadata"]["namespace"] == namespace]
    groups = (
        [each for each in own if _selector(each) and _selects(each, pods)],
        [each for each in own if not _selector(each)],
        [each for each in policies if each not in own and not _selector(each)],
    )
    for group in groups:
        if said := _modes(group):
            return "STRICT" in said
    return False


def _modes(policies: Iterable[Manifest]) -> list[str]:
    modes = [(each["spec"].get("mtls") or {}).get("mode", "UNSET") for each in policies]
    return [mode for mode in modes if mode != "UNSET"]


def _selector(policy: Manifest) -> Mapping[str, str]:
    return (policy["spec"].get("selector") or {}).get("matchLabels") or {}


def _selects(policy: Manifest, pods: Sequence[Manifest]) -> bool:
    wanted = _selector(policy).items()
    return any(wanted <= (pod["metadata"].get("labels") or {}).items() for pod in pods)
