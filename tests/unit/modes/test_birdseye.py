from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from tests.unit.modes.connecting import in_cluster

from ktconnect.errors import UsageError
from ktconnect.modes.birdseye import BirdseyeSpec, look
from ktconnect.modes.shadow import clock
from ktconnect.modes.spec import ClusterSpec
from ktconnect.objects.session import Session
from ktconnect.sessions.lease import SessionLease

SPEC = BirdseyeSpec(ClusterSpec(namespace="demo"), show_connector=True)


@asynccontextmanager
async def with_sessions():
    async with in_cluster() as (api, cluster, _):
        for name, config in (
            ("kt-exchange-web", {"mode": "exchange", "target": "service/web"}),
            ("kt-connect-shadow-a", {"mode": "connect"}),
        ):
            session = Session(name, "demo", "shadow-x", "ann@laptop")
            await SessionLease(cluster, session, config, now=clock(cluster, SPEC.cluster)).create()
        yield api, cluster


async def test_services_and_connectors_of_a_namespace_are_seen():
    async with with_sessions() as (_, cluster):
        seen = await look(SPEC, cluster)
        assert [row["text"] for row in seen.services] == ["exchanged by [ann@laptop]"]
        assert [row["session"] for row in seen.connectors] == ["kt-connect-shadow-a"]
        assert (await look(replace(SPEC, show_connector=False), cluster)).connectors == []


async def test_all_namespaces_are_seen_on_request_and_what_is_normal_can_be_hidden():
    async with with_sessions() as (api, cluster):
        other = {"name": "api", "namespace": "default"}
        api.put({"apiVersion": "v1", "kind": "Service", "metadata": other, "spec": {}})
        everything = replace(SPEC, all_namespaces=True, sort_by="name")
        rows = (await look(everything, cluster)).services
        assert [row["namespace"] for row in rows] == ["default", "demo"]
        rows = (await look(replace(everything, hide_natural=True), cluster)).services
        assert [row["name"] for row in rows] == ["web"]


async def test_what_may_not_be_looked_at_is_told():
    async with with_sessions() as (api, cluster):
        api.denied = {("list", "pods", "demo"), ("list", "deployments", "demo")}
        seen = await look(SPEC, cluster)
        assert "you may not list pods and deployments" in seen.notes[0]
        assert seen.services


async def test_a_namespace_that_is_not_there_is_refused():
    async with in_cluster() as (api, cluster, _):
        nowhere = replace(SPEC, cluster=ClusterSpec(namespace="nix"))
        with pytest.raises(UsageError, match="no namespace nix"):
            await look(nowhere, cluster)
        api.denied = {("get", "namespaces", "")}
        assert (await look(nowhere, cluster)).services == []
