from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ktconnect.objects import agent as agents
from ktconnect.objects.agent import AgentPod, AgentPort
from ktconnect.objects.origin import origin_service, preview_service
from ktconnect.objects.ports import PortMap
from ktconnect.objects.router import (
    Doors,
    RouterPod,
    as_chosen,
    config_map,
    deployment,
    pods_name,
    pods_service,
    router_name,
    share_name,
    share_service,
)
from ktconnect.objects.session import Session, lease
from ktconnect.sessions.shared_names import share_lease, shared_session
from ktconnect.wire.target import Target

SESSION = Session("kt-router-web", "shop", "router", "router")
DOORS = Doors((AgentPort(8080, "tcp", "web"), AgentPort(53, "udp")), 19901, "/ready", ("-c", "x"))
OWNER = [{"kind": "Lease", "uid": "u"}]
PORTS = [
    {"name": "http", "port": 80, "targetPort": "web", "appProtocol": "http", "nodePort": 30080},
    {"name": "dns", "port": 53, "protocol": "UDP"},
]
SERVICE = {
    "metadata": {"name": "web"},
    "spec": {"selector": {"app": "web"}, "ports": PORTS, "ipFamilies": ["IPv4"]},
}


def made(**fields):
    pod = RouterPod(image="envoy:1", **fields)
    return deployment(SESSION, "web-kt-router", pod, DOORS, {"app": "web-kt-router"}, OWNER)


def pod_of(manifest):
    return manifest["spec"]["template"]["spec"]


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (router_name("web"), "web-kt-router"),
        (pods_name("web"), "web-kt-origin-pods"),
        (share_name("web", "mesh", "ci"), "web-kt-mesh-ci"),
    ],
)
def test_names_are_made_of_the_services(found, wanted):
    assert found == wanted


def test_names_are_labels_however_long_the_services():
    for name in (router_name("x" * 63), pods_name("x" * 63), share_name("x" * 63, "mesh", "ci")):
        assert len(name) <= 63


def test_the_router_runs_under_restricted_and_has_arguments_alone():
    pod = pod_of(made())
    [container] = pod["containers"]
    assert "command" not in container
    assert container["args"] == ["-c", "x"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert pod["automountServiceAccountToken"] is False


def test_the_services_selector_finds_it_and_its_named_ports():
    found = made()
    labels = found["spec"]["template"]["metadata"]["labels"]
    assert labels["app"] == "web-kt-router"
    assert found["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert "control-by" not in labels
    ports = pod_of(found)["containers"][0]["ports"]
    assert {"name": "web", "containerPort": 8080, "protocol": "TCP"} in ports
    assert pod_of(found)["containers"][0]["readinessProbe"]["httpGet"]["port"] == 19901


def test_one_that_is_deleted_serves_on_where_pods_can_sleep():
    assert "lifecycle" not in pod_of(made())["containers"][0]
    lingering = replace(DOORS, lingers=True)
    found = deployment(SESSION, "web-kt-router", RouterPod(), lingering, {}, OWNER)
    [container] = pod_of(found)["containers"]
    assert container["lifecycle"] == {"preStop": {"sleep": {"seconds": 5}}}


def test_several_stand_on_several_nodes_and_options_are_kept():
    assert "affinity" not in pod_of(made())
    pod = pod_of(made(replicas=2, pull_secret="s", node_selector=(("zone", "a"),)))
    assert "podAntiAffinity" in pod["affinity"]
    assert pod["imagePullSecrets"] == [{"name": "s"}]
    assert pod["nodeSelector"] == {"zone": "a"}


def test_who_joins_takes_the_router_as_it_is():
    found = made(replicas=2)
    containers = found["spec"]["template"]["spec"]["containers"]
    containers[0]["image"] = "envoy:2"
    containers.append({"name": "istio-proxy", "image": "other:1"})
    taken = as_chosen(made(), found)
    assert taken["spec"]["replicas"] == 2
    assert pod_of(taken)["containers"][0]["image"] == "envoy:2"
    assert "affinity" in pod_of(taken)
    assert "affinity" not in pod_of(as_chosen(made(replicas=2), made()))


def test_one_that_was_scaled_to_nothing_serves_again():
    found = made()
    found["spec"]["replicas"] = 0
    assert as_chosen(made(), found)["spec"]["replicas"] == 1


def test_a_session_has_a_service_of_its_own_for_what_it_exposes():
    exposed = (PortMap("tcp", 80, 8080, "web", "http", Target("tcp", "127.0.0.1", 1)),)
    agent = Session("web-kt-mesh-abcde", "shop", "shadow-mesh", "ann@laptop")
    found = share_service(agent, "web-kt-mesh-ci", SERVICE, exposed, OWNER)
    assert found["spec"]["selector"] == {"kt-session": "web-kt-mesh-abcde"}
    assert found["spec"]["ports"] == [
        {"name": "http", "port": 80, "targetPort": 8080, "appProtocol": "http"}
    ]
    assert found["spec"]["ipFamilies"] == ["IPv4"]


def test_the_original_pods_have_addresses_of_their_own():
    found = pods_service(SESSION, SERVICE, OWNER)
    assert found["metadata"]["name"] == "web-kt-origin-pods"
    assert found["spec"]["clusterIP"] == "None"
    assert found["spec"]["selector"] == {"app": "web"}


def test_the_files_are_a_config_map():
    found = config_map(SESSION, "web-kt-router", {"a": "b"}, OWNER)
    assert found["data"] == {"a": "b"}
    assert found["metadata"]["ownerReferences"] == OWNER


LONG = "x" * 63
LONG_SERVICE = SERVICE | {"metadata": {"name": LONG}}


def labels_in(manifest):
    """All labels, and what selects by them."""
    if isinstance(manifest, list):
        return [found for each in manifest for found in labels_in(each)]
    if not isinstance(manifest, dict):
        return []
    own = [manifest[key] for key in ("labels", "matchLabels") if key in manifest]
    return own + [found for each in manifest.values() for found in labels_in(each)]


def test_labels_of_a_service_with_the_longest_name_are_no_longer_than_labels_may_be():
    shared, name = shared_session(LONG, "shop"), router_name(LONG)
    own = Session(share_lease(LONG, "mesh", "ci"), "shop", "shadow-mesh", "ann")
    made = [
        deployment(shared, name, RouterPod(replicas=2), DOORS, {"app": name}, OWNER),
        config_map(shared, name, {}, OWNER),
        origin_service(shared, LONG_SERVICE, OWNER),
        pods_service(shared, LONG_SERVICE, OWNER),
        share_service(own, share_name(LONG, "mesh", "ci"), LONG_SERVICE, (), OWNER),
        agents.config_map(own, b"", OWNER, inbound=True),
        agents.deployment(own, AgentPod(), OWNER),
        *(lease(each, datetime.now(UTC), {}) for each in (shared, own)),
    ]
    for manifest in made:
        assert labels_in(manifest)
        values = [value for found in labels_in(manifest) for value in found.values()]
        assert max(map(len, values)) <= 63


def test_what_selects_a_session_with_a_long_name_selects_its_objects():
    own = Session(share_lease(LONG, "mesh", "ci"), "shop", "shadow-mesh", "ann")
    agent = agents.deployment(own, AgentPod(), OWNER)["spec"]
    labels = agent["template"]["metadata"]["labels"].items()
    by_share = share_service(own, "s", LONG_SERVICE, (), OWNER)["spec"]["selector"]
    by_preview = preview_service(own, "p", [], OWNER, external=False)["spec"]["selector"]
    for selector in (agent["selector"]["matchLabels"], by_share, by_preview):
        assert selector.items() <= labels
    router = deployment(
        shared_session(LONG, "shop"), router_name(LONG), RouterPod(), DOORS, {}, OWNER
    )["spec"]
    found = router["template"]["metadata"]["labels"].items()
    assert router["selector"]["matchLabels"].items() <= found
