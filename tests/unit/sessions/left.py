"""Objects as KT Connect 0.3 leaves them."""

from datetime import UTC, datetime, timedelta

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
ALIVE, DEAD = 1, 60  # minutes since the last heart beat


def stamp(minutes):
    return str(int((NOW - timedelta(minutes=minutes)).timestamp()))


def made(kind, name, *, role="", beat=None, user="ann", config="", **more):
    """Something that it has made."""
    labels = {"control-by": "kt", **({"kt-role": role} if role else {}), **more.pop("labels", {})}
    notes = {"kt-user": user, **({"kt-config": config} if config else {})}
    if beat is not None:
        notes["kt-last-heart-beat"] = stamp(beat)
    version, _, plain = kind.rpartition("/")
    metadata = {
        "name": name,
        "namespace": "demo",
        "uid": f"uid-{name}",
        "labels": labels,
        "annotations": notes,
        **more.pop("metadata", {}),
    }
    return {"apiVersion": version, "kind": plain, "metadata": metadata, "spec": more}


def pod(name, **more):
    return made("v1/Pod", name, **more)


def config_map(name, **more):
    return made("v1/ConfigMap", name, **more)


def theirs(name, selector, **more):
    """A Service that it has made."""
    return made("v1/Service", name, selector=selector, **more)


def service(name="web", selector=None, *, kept="", locked=None):
    """A Service of the user's: its own selector as it was kept, and a lock so many minutes old."""
    annotations = {"kt-selector": kept} if kept else {}
    if locked is not None:
        annotations["kt-lock"] = stamp(locked)
    metadata = {"name": name, "namespace": "demo", "uid": f"uid-{name}", "annotations": annotations}
    spec = {"selector": selector or {"app": name}}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def deployment(name, replicas, **notes):
    metadata = {"name": name, "namespace": "demo", "uid": f"uid-{name}", "annotations": notes}
    spec = {"replicas": replicas}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


SHADOW = {"kt-role": "shadow-exchange", "kt-target": "abcdefghijklmnopqrst"}
ROUTED = {"kt-role": "router", "kt-target": "tsrqponmlkjihgfedcba"}
KEPT = '{"app":"web"}'


def exchanged(beat, **more):
    """A Service exchanged by its selector."""
    name = "web-kt-exchange-abcde"
    return [
        service(selector=SHADOW, **{"kept": KEPT, **more}),
        pod(name, role="shadow-exchange", beat=beat, config="service=web"),
        config_map(name, role="shadow-exchange", beat=beat),
    ]


def meshed(*beats):
    """A Service with a router, and a shadow for each heart beat."""
    found = [
        service(selector=ROUTED, kept=KEPT),
        pod("web-kt-router", role="router", config="service=web"),
        theirs("web-kt-stuntman", {"app": "web"}),
    ]
    for number, beat in enumerate(beats):
        name = f"web-kt-mesh-v{number}"
        found += [
            pod(name, role="shadow-mesh", beat=beat, user=f"user{number}"),
            config_map(name, role="shadow-mesh", beat=beat),
            theirs(name, {"kt-role": "shadow-mesh", "kt-target": name}, beat=beat),
        ]
    return found
