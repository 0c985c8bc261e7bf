"""Istio is put on a playground that is up, and looked for there."""

import json
import time
from collections.abc import Callable
from typing import Any

from playground.access import Access
from playground.errors import PlaygroundError
from playground.istio.programs import ISTIO, version
from playground.manifests import Manifest

NAMESPACE = "istio-system"
_WITHIN = 180.0
_INJECTOR = ("mutatingwebhookconfiguration", "istio-sidecar-injector")

Say = Callable[[str], None]


def install(site: Access, say: Say) -> bool:
    """Bring Istio up on a playground that is up, and wait until Pods get their sidecars.

    It must be built (``ISTIO.build``). False: this Istio was up already. Raises: PlaygroundError.
    """
    if site.state.istio == ISTIO.folder.name and is_ready(site):
        return False
    site.provide(site.store.builtin("istio"))
    say("Istio's image is loaded")
    kinds, others = parted(objects())
    site.apply(kinds)
    names = [f"crd/{kind['metadata']['name']}" for kind in kinds]
    site.kubectl("wait", "--for=condition=Established", f"--timeout={_WITHIN:.0f}s", *names)
    say("the kinds of Istio and the Gateway API are known")
    site.apply(others)
    deployment = ("deployment/istiod", f"--namespace={NAMESPACE}")
    site.kubectl("rollout", "status", *deployment, f"--timeout={_WITHIN:.0f}s")
    _wait_for_injector(site)
    known = site.state
    known.istio = ISTIO.folder.name
    known.save(site.folder)
    say("Istio is ready; namespaces labelled istio-injection=enabled are in its mesh")
    return True


def objects() -> list[Manifest]:
    """All that is installed, the namespace first. The build must be there."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    files = [ISTIO.folder / "share" / name for name in ("gateway.json", "istio.json")]
    return [namespace, *(each for file in files for each in json.loads(file.read_text())["items"])]


def parted(found: list[Manifest]) -> tuple[list[Manifest], list[Manifest]]:
    """The definitions of kinds, and the rest, which may be of these kinds."""
    kinds = [each for each in found if each["kind"] == "CustomResourceDefinition"]
    return kinds, [each for each in found if each not in kinds]


def is_ready(site: Access) -> bool:
    """Whether istiod runs and puts sidecars into Pods."""
    try:
        deployment = site.get("deployment", "istiod", f"--namespace={NAMESPACE}")
        return bool(deployment.get("status", {}).get("readyReplicas")) and is_injecting(site)
    except PlaygroundError:
        return False


def is_injecting(site: Access) -> bool:
    """Whether the API server trusts istiod: it signs for itself once it runs. Before that no Pod
    can be made in a labelled namespace. Raises: PlaygroundError."""
    hooks = site.get(*_INJECTOR)["webhooks"]
    return all(hook["clientConfig"].get("caBundle") for hook in hooks)


def _wait_for_injector(site: Access) -> None:
    deadline = time.monotonic() + _WITHIN
    while not is_injecting(site):
        if time.monotonic() > deadline:
            why = f"`{site.command} kubectl -n {NAMESPACE} logs deploy/istiod` tells why"
            raise PlaygroundError("istiod does not sign for its webhooks", hint=why)
        time.sleep(0.2)


def status(site: Access) -> dict[str, Any]:
    """For ``playground status``."""
    installed = bool(site.state.istio)
    ready = installed and is_ready(site)
    return {"installed": installed, "ready": ready, "version": version() if installed else ""}
