import re

import pytest

from ktconnect.rules.istio_hosts import (
    authority,
    governing,
    host_fits,
    other_hosts,
    through_gateways,
)


def rule(name="theirs", hosts=("web",), namespace="shop", age="1", **spec):
    metadata = {"name": name, "namespace": namespace, "creationTimestamp": age}
    return {"metadata": metadata, "spec": {"hosts": list(hosts), **spec}}


def of(*rules):
    found = governing(rules, "web", "shop")
    return found["metadata"]["name"] if found else None


@pytest.mark.parametrize(
    "host",
    [
        "web",
        "WEB",
        "web.shop",
        "web.shop.svc",
        "web.shop.svc.cluster.local",
        "web.shop.svc.corp.lan",
        "*",
        "*.local",
        "*.cluster.local",
        "*.svc.cluster.local",
        "*.shop.svc.cluster.local",
        "*.shop.svc.corp.lan",
    ],
)
def test_every_way_to_name_a_service(host):
    assert host_fits(host, "shop", "web", "shop")


@pytest.mark.parametrize(
    "host",
    ["webs", "web.other", "web.shop.example.com", "*.other.svc.cluster.local", "*.example.com"],
)
def test_names_of_others(host):
    assert not host_fits(host, "shop", "web", "shop")


def test_a_short_name_means_one_in_the_rules_own_namespace():
    assert not host_fits("web", "other", "web", "shop")
    assert host_fits("web.shop", "other", "web", "shop")


def test_the_oldest_decides_and_among_equals_the_name():
    assert of(rule("b", age="2"), rule("a", age="1")) == "a"
    assert of(rule("b"), rule("a")) == "a"
    assert of() is None


def test_a_host_decides_before_a_wildcard_and_a_long_one_before_a_short():
    wide, narrow = rule("wide", ["*.local"], age="1"), rule("narrow", ["*.shop.svc.cluster.local"])
    assert of(wide, narrow) == "narrow"
    assert of(wide, narrow, rule("own", age="9")) == "own"


def test_one_for_its_own_namespace_alone_decides_there():
    assert of(rule("public", age="1"), rule("private", age="2", exportTo=["."])) == "private"


def test_what_is_not_heard_does_not_decide():
    assert of(rule(gateways=["shop/front"])) is None
    assert of(rule(gateways=["shop/front", "mesh"])) == "theirs"
    assert of(rule(hosts=["web.shop"], namespace="other", exportTo=["."])) is None
    assert of(rule(hosts=["web.shop"], namespace="other", exportTo=["shop"])) == "theirs"
    assert of(rule(hosts=())) is None  # a delegate


def test_gateways_whose_rules_sidecars_do_not_hear():
    leads = {"http": [{"route": [{"destination": {"host": "web"}}]}, {"redirect": {}}]}
    front = rule(hosts=["shop.example.com"], gateways=["front"], **leads)
    elsewhere = rule(hosts=["x.example.com"], gateways=["other"])
    heard = rule(gateways=["third", "mesh"], **leads)
    assert through_gateways([front, front, elsewhere, heard], "web", "shop") == ("front",)


def test_whether_a_rule_is_for_others_too():
    assert not other_hosts(rule(hosts=["web", "web.shop"]), "web", "shop")
    assert other_hosts(rule(hosts=["web", "api"]), "web", "shop")
    assert other_hosts(rule(hosts=["*"]), "web", "shop")


@pytest.mark.parametrize(
    ("address", "host", "fits"),
    [
        ("", "web", True),
        ("", "web:8080", True),
        ("None", "web.shop", True),
        ("", "web.shop.svc.corp.lan:80", True),
        ("10.96.0.7", "10.96.0.7:80", True),
        ("fd00::7", "[fd00::7]:80", True),
        ("10.96.0.7", "10x96.0.7", False),
        ("", "webs", False),
        ("", "web.other", False),
        ("", "api", False),
    ],
)
def test_hosts_by_which_callers_mean_the_service(address, host, fits):
    found = re.fullmatch(authority("web", "shop", address), host)
    assert (found is not None) is fits
