import re

import pytest

from ktconnect.objects.origin import (
    LONGEST,
    address_of,
    fitted,
    origin_name,
    origin_service,
    preview_service,
)
from ktconnect.objects.session import Session

SESSION = Session("web-kt-exchange-abcde", "shop", "shadow-exchange", "ann@laptop")
OWNERS = [{"kind": "Lease", "name": "kt-exchange-web", "uid": "u-1"}]
SERVICE = {
    "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}},
    "spec": {
        "type": "NodePort",
        "clusterIP": "10.96.0.7",
        "clusterIPs": ["10.96.0.7", "fd00::7"],
        "ipFamilies": ["IPv4", "IPv6"],
        "ipFamilyPolicy": "PreferDualStack",
        "sessionAffinity": "ClientIP",
        "externalTrafficPolicy": "Local",
        "internalTrafficPolicy": "Cluster",
        "selector": {"app": "web"},
        "ports": [
            {"name": "http", "port": 80, "targetPort": "http", "nodePort": 30080},
            {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 5353},
        ],
    },
}


def test_the_origin_has_the_backends_and_ports_of_the_service_and_nothing_else():
    manifest = origin_service(SESSION, SERVICE, OWNERS)
    assert manifest["metadata"]["name"] == "web-kt-origin"
    assert manifest["metadata"]["ownerReferences"] == OWNERS
    assert "control-by" not in manifest["metadata"]["labels"]
    assert manifest["spec"] == {
        "type": "ClusterIP",
        "selector": {"app": "web"},
        "ipFamilies": ["IPv4", "IPv6"],
        "ipFamilyPolicy": "PreferDualStack",
        "ports": [
            {"name": "http", "port": 80, "targetPort": "http", "appProtocol": "tcp"},
            {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 5353},
        ],
    }


def test_a_preview_leads_to_its_agent_alone():
    ports = [{"name": "kt-80", "port": 80}]
    manifest = preview_service(SESSION, "mine", ports, OWNERS, external=False)
    assert manifest["spec"]["selector"] == {"kt-session": SESSION.name}
    assert manifest["spec"]["type"] == "ClusterIP"
    assert "control-by" not in manifest["metadata"]["labels"]
    world = preview_service(SESSION, "mine", ports, OWNERS, external=True)
    assert world["spec"]["type"] == "LoadBalancer"


def test_long_names_are_shortened_and_stay_apart():
    one, other = "a" * 62 + "b", "a" * 62 + "c"
    assert len(origin_name(one)) == LONGEST
    assert origin_name(one) != origin_name(other)
    assert origin_name(one).endswith("-kt-origin")
    assert fitted("web", "-x") == "web-x"
    assert ".-" not in fitted("a" * 40 + "." * 20, "-kt-origin")


@pytest.mark.parametrize("length", [54, 55, 56, 63, 90])
def test_a_suffix_without_room_beside_it_is_shortened_too(length):
    suffix = "-kt-mesh-" + "x" * (length - 9)
    found = {fitted(stem, suffix) for stem in ("a-long-name-1", "a-long-name-2")}
    assert len(found | {fitted("a-long-name-1", suffix + "y")}) == 3
    assert all(len(name) <= LONGEST and re.fullmatch(r"a.*[0-9a-z]", name) for name in found)


@pytest.mark.parametrize(
    ("address", "text"), [("10.96.0.7", "10.96.0.7:80"), ("fd00::7", "[fd00::7]:80")]
)
def test_the_address_of_a_service_reads_as_host_and_port(address, text):
    assert address_of({"spec": {"clusterIP": address}}, 80) == text
