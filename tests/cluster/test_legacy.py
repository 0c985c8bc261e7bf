"""What KT Connect 0.3 left, as it stands in a real cluster: undone, if nobody lives on it."""

import time

import pytest
from tests.cluster.connecting import run_ktctl, wait_until
from tests.cluster.taking import printed_rules, replicas, selector
from tests.cluster.world import echo_template, service, workload

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]

SHADOW = {"kt-role": "shadow-exchange", "kt-target": "abcdefghijklmnopqrst"}
ROUTER = {"kt-role": "router", "kt-target": "tsrqponmlkjihgfedcba"}
DEAD, ALIVE = 3600, 0  # seconds since the last heart beat


def made(kind, name, labels=None, beat=None, spec=None, **notes):
    """An object as KT Connect makes it."""
    annotations = {"kt-user": "ann", **{f"kt-{key}": text for key, text in notes.items()}}
    if beat is not None:
        annotations["kt-last-heart-beat"] = str(int(time.time()) - beat)
    metadata = {
        "name": name,
        "labels": {"control-by": "kt", **(labels or {})},
        "annotations": annotations,
    }
    found = {"apiVersion": "v1", "kind": kind, "metadata": metadata}
    return {**found, "spec": spec} if spec else {**found, "data": {"authorized": "key"}}


def shadow(cluster, name, labels, beat=None, **notes):
    """A Pod that answers callers in the place of others, and its ConfigMap."""
    template = echo_template(cluster, labels)
    pod = made("Pod", name, labels, beat, template["spec"], **notes)
    return [pod, made("ConfigMap", name, labels, beat)]


def led(name, labels):
    """A Service whose own selector is kept in its annotation."""
    found = service(name, selector=labels)
    found["metadata"]["annotations"] = {"kt-selector": f'{{"app":"{name}"}}'}
    return found


@pytest.fixture
def left(cluster, namespace, deploy):
    """Three Services taken by dead laptops, one by a living one; all have Pods of their own."""
    mesh = {"kt-role": "shadow-mesh", "kt-target": "mmmmmmmmmmmmmmmmmmmm"}
    stuntman = service("cart", selector={"app": "cart"})
    stuntman["metadata"] = made("Service", "cart-kt-stuntman")["metadata"]
    mesh_service = service("cart", selector=mesh)
    mesh_service["metadata"] = made("Service", "cart-kt-mesh-v1", mesh, DEAD)["metadata"]
    alive = {**SHADOW, "kt-target": "llllllllllllllllllll"}
    deploy(
        *(workload(cluster, name) for name in ("web", "cart", "busy")),
        workload(cluster, "scaled", replicas=0),
        led("web", SHADOW),
        *shadow(cluster, "web-kt-exchange-abcde", SHADOW, DEAD, config="service=web"),
        led("cart", ROUTER),
        shadow(cluster, "cart-kt-router", ROUTER, None, config="service=cart")[0],
        *shadow(cluster, "cart-kt-mesh-v1", mesh, DEAD),
        stuntman,
        mesh_service,
        led("busy", alive),
        *shadow(cluster, "busy-kt-exchange-fghij", alive, ALIVE, config="service=busy"),
        *shadow(
            cluster,
            "scaled-kt-exchange-klmno",
            {"kt-role": "shadow-exchange"},
            DEAD,
            config="app=scaled,replicas=2",
        ),
        made("ConfigMap", "kt-connect-shadow-pqrst", {"kt-role": "shadow-connect"}, DEAD),
    )
    return namespace


def state(cluster, namespace):
    """All there is, without what changes by itself."""
    kinds = "services,configmaps,deployments,pods"
    return sorted(
        (
            each["kind"],
            each["metadata"]["name"],
            str(each["metadata"].get("annotations")),
            str(each["spec"].get("selector", "")) + str(each["spec"].get("replicas", ""))
            if "spec" in each
            else "",
        )
        for each in cluster.get(kinds, f"--namespace={namespace}")["items"]
        if "deletionTimestamp" not in each["metadata"]
    )


def names_of_kt(cluster, namespace):
    return {name for _, name, *_ in state(cluster, namespace) if "kt-" in name}


def annotations(cluster, namespace, name):
    found = cluster.get("service", name, f"--namespace={namespace}")
    return found["metadata"].get("annotations", {})


def test_clean_undoes_the_dead_and_leaves_the_living(cluster, left, limited_user):
    config = ("--kubeconfig", str(limited_user(printed_rules("clean"))), "-o", "json")
    before = state(cluster, left)
    rehearsed = run_ktctl(cluster, "clean", "--dryRun", *config)
    assert rehearsed.code == 0, rehearsed
    assert state(cluster, left) == before
    changes = {event["key"]: event.get("after") for event in rehearsed.events if "key" in event}
    assert changes[f"v1/Service/{left}/web#/spec/selector"] == {"app": "web"}
    assert changes[f"apps/v1/Deployment/{left}/scaled/scale#/spec/replicas"] == 2
    done = run_ktctl(cluster, "clean", *config)
    assert done.code == 0, done
    for name in ("web", "cart"):
        assert selector(cluster, left, name) == {"app": name}
        assert "kt-selector" not in annotations(cluster, left, name)
    assert replicas(cluster, left, "scaled") == 2
    wait_until(
        lambda: names_of_kt(cluster, left) == {"busy-kt-exchange-fghij"}, within=30, every=0.5
    )
    assert selector(cluster, left, "busy")["kt-role"] == "shadow-exchange"
    assert "by ann, who is alive" in done.stdout


def test_recover_takes_one_name_and_a_living_one_only_on_purpose(cluster, left, limited_user):
    config = ("--kubeconfig", str(limited_user(printed_rules("recover"))), "-o", "json")
    assert run_ktctl(cluster, "recover", "service/cart", *config).code == 0
    assert selector(cluster, left, "cart") == {"app": "cart"}
    assert selector(cluster, left, "web") == SHADOW
    refused = run_ktctl(cluster, "recover", "busy", *config)
    assert refused.code == 6, refused
    assert run_ktctl(cluster, "recover", "busy", "scaled", "--takeover", *config).code == 0
    assert selector(cluster, left, "busy") == {"app": "busy"}
    assert replicas(cluster, left, "scaled") == 2
    missing = run_ktctl(cluster, "recover", "wbe", *config)
    assert missing.code == 2, missing
    assert "no Service or Deployment wbe" in missing.error["message"]
