"""The shop in a cluster: made, waited for, and taken away again."""

import json
import time
from typing import Any

from places import HERE, NAMESPACE, DemoFailed, Place

from ktconnect.kube.podstate import IMAGE_REASONS, Broken, Ready, Verdict, failed_creation, verdict

PART_OF = "ktctl-demo"
LABEL = "app.kubernetes.io/part-of"
SERVICES = ("front", "catalog", "cart", "stock")
ALL = ("redis", *SERVICES)
READY_SECONDS = 180
GONE_SECONDS = 90
LOOK_AGAIN = 0.5
OTHER_IMAGES = "PYTHON_IMAGE, REDIS_IMAGE and ENVOY_IMAGE name images that the nodes can pull"


def claim(place: Place) -> None:
    """See that the namespace is free, or the demo's. Raises: DemoFailed if it is another's."""
    found = place.kube("get", "namespace", NAMESPACE, "--ignore-not-found", "-o", "json")
    if not found:
        return
    namespace = json.loads(found)
    if namespace["metadata"].get("labels", {}).get(LABEL) != PART_OF:
        raise DemoFailed(
            f"the cluster has a namespace {NAMESPACE} that is not the demo's: nothing was changed"
        )
    if namespace["status"].get("phase") == "Terminating":  # that of the last run
        place.kube("wait", "--for=delete", f"namespace/{NAMESPACE}", f"--timeout={GONE_SECONDS}s")


def deploy(place: Place) -> None:
    """Apply the shop. Raises: DemoFailed."""
    place.kube("apply", "-f", "-", data=manifests(place))


def manifests(place: Place) -> str:
    """All of the shop as one YAML text: the namespace, the sources, then the services."""
    names = ("namespace", "redis", *SERVICES)
    first, *rest = [(HERE / "manifests" / f"{name}.yaml").read_text() for name in names]
    text = "---\n".join([first, json.dumps(_sources()) + "\n", *rest])
    for ours, public in place.images:
        text = text.replace(ours, public)
    return text


def _sources() -> dict[str, Any]:
    files = {path.name: path.read_text() for path in sorted((HERE / "shop").glob("*.py"))}
    metadata = {"name": "shop-sources", "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": files}


def wait_until_ready(place: Place, within: float = READY_SECONDS) -> None:
    """Until each service's Pod serves. Raises: DemoFailed as soon as one of them never will."""
    end = time.monotonic() + within
    since: dict[str, float] = {}
    while True:
        states = _states(place)
        if all(isinstance(states.get(app), Ready) for app in ALL):
            return
        now = time.monotonic()
        broken = {app: each for app, each in states.items() if isinstance(each, Broken)}
        since = {app: since.get(app, now) for app in broken}
        for app, state in broken.items():
            if now - since[app] >= state.grace:
                raise DemoFailed(_why(app, state))
        if now > end:
            raise DemoFailed(f"not ready in {within:g} s: {', '.join(_missing(states))}")
        time.sleep(LOOK_AGAIN)


def _states(place: Place) -> dict[str, Verdict]:
    """By app; of one that has no Pod, why its workload may make none, if that is known."""
    chosen = ("-n", NAMESPACE, "-l", f"app in ({','.join(ALL)})")
    found: dict[str, Verdict] = {}
    for each in place.objects("deployments,pods", *chosen):
        state = verdict(each) if each["kind"] == "Pod" else failed_creation(each)
        if state is not None:
            found[each["metadata"]["labels"]["app"]] = state
    return found


def _why(app: str, state: Broken) -> str:
    advice = f"\n    {OTHER_IMAGES}" if state.reason in IMAGE_REASONS else ""
    return f"{app} does not start: {state.reason}: {state.message}{advice}"


def _missing(states: dict[str, Verdict]) -> list[str]:
    return [app for app in ALL if not isinstance(states.get(app), Ready)]


def remove(place: Place) -> None:
    """Delete the shop's namespace and wait until it is gone. Raises: DemoFailed."""
    limit = f"--timeout={GONE_SECONDS}s"
    place.kube("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait", limit)
