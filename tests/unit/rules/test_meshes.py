from dataclasses import replace

import pytest

from ktconnect.errors import UsageError
from ktconnect.rules.meshes import (
    HTTP_ROUTES,
    VIRTUAL_SERVICES,
    Around,
    choose,
    has_sidecar,
    mesh_of,
)

BOTH = frozenset((VIRTUAL_SERVICES, HTTP_ROUTES))


def item(labels=None, annotations=None):
    metadata = {"name": "web", "namespace": "shop", "labels": labels, "annotations": annotations}
    return {"metadata": metadata, "spec": {"ports": [{"port": 80, "name": "http"}]}}


def pod(*containers, inits=(), **labels):
    named = [{"name": name} for name in containers]
    spec = {"containers": named, "initContainers": [{"name": name} for name in inits]}
    return {**item({key.replace("_", "/"): value for key, value in labels.items()}), "spec": spec}


def around(*pods, namespace=None, service=None, served=BOTH, **more):
    return Around(item(service), pods, namespace and item(*namespace), served, **more)


AMBIENT = {"istio.io/dataplane-mode": "ambient"}
WAYPOINT = {"istio.io/use-waypoint": "waypoint"}


@pytest.mark.parametrize(
    ("seen", "driver", "why"),
    [
        (around(), "router", "no service mesh"),
        (around(pod("web")), "router", "no service mesh"),
        (around(pod("web", "istio-proxy")), "istio", "sidecar istio-proxy"),
        (around(pod("web", inits=["istio-proxy"])), "istio", "sidecar istio-proxy"),
        (around(namespace=[{"istio-injection": "enabled"}]), "istio", "istio-injection=enabled"),
        (around(namespace=[{"istio-injection": "disabled"}]), "router", "no service mesh"),
        (around(namespace=[{"istio.io/rev": "canary"}]), "istio", "istio.io/rev=canary"),
        (around(pod("web", "linkerd-proxy")), "gateway", "linkerd-proxy"),
        (
            around(namespace=[None, {"linkerd.io/inject": "enabled"}]),
            "gateway",
            "linkerd.io/inject",
        ),
        (around(pod("web", "kuma-sidecar")), "gateway", "kuma-sidecar"),
        (around(namespace=[{"kuma.io/sidecar-injection": "enabled"}]), "gateway", "kuma.io"),
        (around(controllers=frozenset(["io.cilium/gateway-controller"])), "gateway", "Cilium"),
        (around(controllers=frozenset(["example.com/x"])), "router", "no service mesh"),
        (around(namespace=[AMBIENT | WAYPOINT]), "gateway", "with waypoint waypoint"),
        (around(namespace=[AMBIENT], service=WAYPOINT), "gateway", "with waypoint waypoint"),
        (around(namespace=[AMBIENT]), "router", "nothing there reads requests"),
        (
            around(namespace=[AMBIENT | WAYPOINT], service={"istio.io/use-waypoint": "none"}),
            "router",
            "without a waypoint",
        ),
        (
            around(pod("web", **{"istio.io_dataplane-mode": "none"}), namespace=[AMBIENT]),
            "router",
            "no service mesh",
        ),
        (around(pod("istio-proxy"), served=frozenset()), "router", "has no virtualservices"),
        (
            around(pod("istio-proxy"), lacking={"istio": "create virtualservices"}),
            "router",
            "you may not create virtualservices",
        ),
    ],
)
def test_auto_takes_what_works_and_says_why(seen, driver, why):
    choice = choose("auto", seen)
    assert choice.driver == driver
    assert why in choice.why


def test_what_stands_beside_the_pods_counts_before_what_the_namespace_says():
    found = mesh_of(around(pod("linkerd-proxy"), namespace=[{"istio-injection": "enabled"}]))
    assert str(found) == "Linkerd"


@pytest.mark.parametrize(("asked", "what"), [("istio", "Istio"), ("gateway", "the Gateway API")])
def test_one_that_the_cluster_lacks_is_refused(asked, what):
    with pytest.raises(UsageError, match=what) as refused:
        choose(asked, around(served=frozenset()))
    assert "--mode router" in refused.value.hint


@pytest.mark.parametrize("asked", ["istio", "gateway", "router"])
def test_what_is_asked_for_is_taken(asked):
    assert choose(asked, around()).driver == asked
    assert choose(asked, around()).why == "it was asked for"


@pytest.mark.parametrize(
    ("asked", "seen", "told"),
    [
        ("auto", around(), ""),
        ("router", around(), ""),
        ("router", around(pod("linkerd-proxy")), ""),
        ("router", around(pod("istio-proxy")), "its rules first, then by the router's"),
        ("istio", around(), "no Pod of web is in a mesh"),
        ("auto", around(pod("istio-proxy")), "only callers that have a sidecar"),
        ("auto", around(pod("linkerd-proxy")), "a ServiceProfile of web would win"),
        ("gateway", around(namespace=[AMBIENT]), "nobody is told apart"),
        ("gateway", around(namespace=[AMBIENT | WAYPOINT]), ""),
    ],
)
def test_what_a_driver_cant_do_is_told(asked, seen, told):
    notes = choose(asked, seen).notes
    assert bool(notes) is bool(told)
    assert told in " ".join(notes)


@pytest.mark.parametrize("asked", ["router", "auto"])
def test_a_router_is_refused_where_pods_take_mtls_alone(asked):
    spec = {"mtls": {"mode": "STRICT"}}
    strict = {"metadata": {"name": "all", "namespace": "istio-system"}, "spec": spec}
    seen = around(pod("istio-proxy"), served=frozenset())
    assert choose(asked, seen).driver == "router"
    with pytest.raises(UsageError, match="mTLS alone"):
        choose(asked, replace(seen, policies=[strict]))
    assert choose("router", replace(around(pod("web")), policies=[strict])).driver == "router"


def test_a_router_is_refused_where_a_server_speaks_first_behind_a_sidecar():
    ports = {"ports": [{"port": 3306, "name": "mysql"}]}
    seen = around(pod("istio-proxy"))
    raw = replace(seen, service={**seen.service, "spec": ports})
    with pytest.raises(UsageError, match="port 3306 of web is TCP"):
        choose("router", raw)
    assert choose("istio", raw).driver == "istio"
    without = replace(around(pod("web")), service={**seen.service, "spec": ports})
    assert choose("router", without).driver == "router"


@pytest.mark.parametrize("part", ["containers", "initContainers"])
def test_a_proxy_beside_a_program_is_seen_wherever_it_stands(part):
    assert has_sidecar({"spec": {part: [{"name": "agent"}, {"name": "istio-proxy"}]}})
    assert not has_sidecar({"spec": {part: [{"name": "agent"}]}})
