import itertools
from contextlib import asynccontextmanager

import pytest
from tests.unit.kube.fakeanswers import Answer
from tests.unit.kube.fakeapi import FakeApi
from tests.unit.modes.reporting import Remembering

from ktconnect.errors import UsageError
from ktconnect.kube.client import Cluster
from ktconnect.modes.checks.seen import Finding, Seen, enforce, is_ready, look


def named(kind, name, labels=None, **fields):
    version = "discovery.k8s.io/v1" if kind == "EndpointSlice" else "v1"
    metadata = {"name": name, "namespace": "demo", "labels": labels or {}}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **fields}


WEB = named("Service", "web", spec={"selector": {"app": "web"}})
ROUTES = "virtualservices"
ISTIO = "/apis/networking.istio.io/{}/namespaces/demo/{}"


@asynccontextmanager
async def in_cluster():
    async with FakeApi().serving() as api, Cluster(api.config()) as cluster:
        for manifest in (
            WEB,
            named("Service", "other", spec={}),
            named("Pod", "web-0", {"app": "web"}, spec={}),
            named("Pod", "other-0", {"app": "other"}, spec={}),
            named("EndpointSlice", "web-x", {"kubernetes.io/service-name": "web"}, endpoints=[]),
            named("EndpointSlice", "other-x", {"kubernetes.io/service-name": "other"}),
        ):
            api.put(manifest)
        for version, plural in itertools.product(("v1", "v1beta1"), ("destinationrules", ROUTES)):
            api.routes[ISTIO.format(version, plural)] = lambda _: Answer(404, b"not found")
        yield api, cluster


def listed(*items):
    body = {"apiVersion": "v1", "kind": "AList", "metadata": {}, "items": list(items)}
    return lambda _: Answer(body=body)


async def test_the_service_is_seen_with_its_neighbourhood():
    async with in_cluster() as (_, cluster):
        seen = await look(cluster, WEB)
    assert (seen.name, seen.namespace) == ("web", "demo")
    assert [each["metadata"]["name"] for each in seen.services] == ["other", "web"]
    assert [each["metadata"]["name"] for each in seen.backends] == ["web-0"]
    assert seen.slices is not None
    assert [each["metadata"]["name"] for each in seen.slices] == ["web-x"]
    assert (seen.rules, seen.routes) == (None, None)  # no Istio here


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
async def test_istios_rules_are_read_in_the_version_that_there_is(version):
    async with in_cluster() as (api, cluster):
        api.routes[ISTIO.format(version, "destinationrules")] = listed({"metadata": {"name": "r"}})
        seen = await look(cluster, WEB)
    assert seen.rules is not None
    assert [each["metadata"]["name"] for each in seen.rules] == ["r"]


async def test_what_may_not_be_looked_at_is_left_out():
    async with in_cluster() as (api, cluster):
        api.denied.add(("list", "endpointslices", "demo"))
        assert (await look(cluster, WEB)).slices is None


def test_notes_and_warnings_are_told_before_it_is_refused():
    reporter = Remembering()
    findings = [
        Finding("refuse", "one", "do this"),
        Finding("note", "by the way"),
        Finding("warn", "careful", "look"),
        Finding("refuse", "two", "do this"),
        Finding("refuse", "three"),
    ]
    with pytest.raises(UsageError, match="one; two; three") as refused:
        enforce(findings, reporter)
    assert refused.value.hint == "do this"
    assert reporter.notes == ["by the way"]
    assert reporter.warnings == [("careful", "look")]


def test_nothing_that_speaks_against_it_lets_it_go_on():
    reporter = Remembering()
    enforce([Finding("note", "fine")], reporter)
    assert reporter.notes == ["fine"]


def test_a_service_of_other_pods_is_no_neighbour():
    other = named("Service", "other", spec={"selector": {"app": "other"}})
    pods = [named("Pod", "web-0", {"app": "web"})]
    assert Seen(WEB, services=[other, WEB], pods=pods).neighbours == []


@pytest.mark.parametrize(
    ("endpoint", "ready"),
    [
        ({}, True),
        ({"conditions": None}, True),
        ({"conditions": {"ready": None}}, True),
        ({"conditions": {"ready": True}}, True),
        ({"conditions": {"ready": False}}, False),
    ],
)
def test_only_an_endpoint_that_says_so_is_not_ready(endpoint, ready):
    assert is_ready(endpoint) is ready
