from dataclasses import replace

import pytest
from tests.unit.modes.exchange.test_mode import hold, spec
from tests.unit.modes.inbound import in_shop, selector, service
from tests.unit.modes.routing.istio_world import REST, VIRTUAL_SERVICE, theirs
from tests.unit.modes.routing.test_auto import ISTIO, serves

from ktconnect.errors import Forbidden, UsageError
from ktconnect.modes.exchange.mode import prepare, run
from ktconnect.modes.exchange.ruled import RuledSession, check_left
from ktconnect.modes.exchange.selector import SelectorWay
from ktconnect.modes.serving.spec import ExchangeSpec, ServingSpec
from ktconnect.modes.spec import ClusterSpec
from ktconnect.objects.ports import PortMap
from ktconnect.objects.session import LEASE, record_of
from ktconnect.rules.model import Match
from ktconnect.sessions.holders import Taken

SUBSETS = theirs(kind="DestinationRule", subsets=[{"name": "v1", "labels": {"app": "web"}}])
HTTP = [{"name": "http", "port": 80, "targetPort": 8080}]
MIXED = [*HTTP, {"name": "tcp-db", "port": 81, "targetPort": 8081}]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))


def meshed(api, *rules, injected=True):
    """Istio is there, and callers of web are led to its subset v1."""
    serves(api, ISTIO, "destinationrules", "virtualservices")
    for each in (SUBSETS, theirs(REST), *rules):
        api.put(each)
    labels = {"istio-injection": "enabled"} if injected else {}
    metadata = {"name": "shop", "labels": labels}
    api.put({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})


async def test_where_callers_are_led_to_subsets_all_requests_are_a_share():
    async with in_shop(ports=HTTP) as (api, cluster, reporter):
        meshed(api)
        before = set(api.objects)
        session = await prepare(spec(), cluster, service(ports=HTTP), reporter)
        assert set(api.objects) == before
        assert isinstance(session, RuledSession)
        share, plan = session._sharing.share, session.plan
        assert (share.kind, share.matches, share.ports) == ("exchange", (Match(),), (80,))
        assert share.service == plan.agent.name
        assert (plan.session.name, plan.shared) == ("kt-exchange-web", "kt-router-web")
        ready = session.ready(0.0)
        assert ready.banner == "Now all request to service 'web' will be redirected to local"
        assert "mark" not in ready.facts
        assert ready.facts["driver"] == "istio"
        assert any("leads callers to v1 otherwise" in line for line in ready.advice)


async def test_whoever_has_it_by_a_rule_is_named_like_any_other():
    async with in_shop(ports=HTTP) as (api, cluster, reporter):
        meshed(api)
        session = await prepare(spec(), cluster, service(ports=HTTP), reporter)
        await session._lease.create(session._way.journal)
        record = record_of(api.objects[LEASE, "shop", "kt-exchange-web"])
        assert (record.mode, record.target, record.driver) == ("exchange", "service/web", "istio")
        with pytest.raises(Taken, match="service/web is taken: exchange by"):
            await prepare(spec(), cluster, service(ports=HTTP), reporter)


async def test_a_dry_run_shows_the_rule_and_leaves_the_selector_alone(tmp_path):
    async with in_shop(ports=HTTP) as (api, _, reporter):
        meshed(api)
        before = {key: value["spec"] for key, value in api.objects.items() if "spec" in value}
        config = ClusterSpec(kubeconfig=api.kubeconfig(tmp_path, "shop"))
        serving = ServingSpec(config, skip_port_checking=True, dry_run=True)
        await run(ExchangeSpec(("web",), (), serving), reporter)
        now = {key: value["spec"] for key, value in api.objects.items() if "spec" in value}
        assert now == before
        assert selector(api) == {"app": "web"}
    [(_, was, becomes)] = [row for row in reporter.changed if row[0].startswith(VIRTUAL_SERVICE)]
    ours, *rest = becomes["spec"]["http"] if "spec" in becomes else becomes
    assert ours["name"].startswith("kt-exchange-web-kt-exchange-")
    assert "match" not in ours
    assert "headers" not in ours
    assert rest == [REST]
    assert was


@pytest.mark.parametrize("lacking", ["served", "sidecars"])
async def test_where_no_rule_would_be_heard_it_is_refused_as_ever(lacking):
    async with in_shop(ports=HTTP) as (api, cluster, reporter):
        meshed(api, injected=lacking != "sidecars")
        if lacking == "served":
            del api.routes[ISTIO]
        with pytest.raises(UsageError, match="would be in none of these subsets"):
            await prepare(spec(), cluster, service(ports=HTTP), reporter)


async def test_subsets_that_nobody_is_led_to_leave_it_to_the_selector():
    async with in_shop(ports=HTTP) as (api, cluster, reporter):
        meshed(api)
        api.put(theirs({"route": [{"destination": {"host": "web"}}]}))
        session = await prepare(spec(), cluster, service(ports=HTTP), reporter)
        assert isinstance(session._way, SelectorWay)


async def test_a_missing_right_on_rules_is_named():
    async with in_shop(ports=HTTP) as (api, cluster, reporter):
        meshed(api)
        api.denied = {("patch", "virtualservices", "shop")}
        with pytest.raises(Forbidden, match="patch virtualservices") as caught:
            await prepare(spec(), cluster, service(ports=HTTP), reporter)
        assert "rbac print exchange-istio -n shop" in caught.value.hint


async def test_ports_that_carry_no_requests_stay_with_the_original_pods():
    async with in_shop(ports=MIXED) as (api, cluster, reporter):
        meshed(api)
        every = replace(spec(), exposes=())
        session = await prepare(every, cluster, service(ports=MIXED), reporter)
        assert [port.service_port for port in session.plan.ports] == [80]
        assert any("port 81 (tcp-db) to 8081" in note for note in reporter.notes), reporter.notes
        with pytest.raises(UsageError, match="stay with the original Pods"):
            await prepare(spec(expose="1:81"), cluster, service(ports=MIXED), reporter)


async def test_without_any_http_port_it_is_refused():
    raw = MIXED[1:]
    async with in_shop(ports=raw) as (api, cluster, reporter):
        meshed(api)
        every = replace(spec(), exposes=())
        with pytest.raises(UsageError, match="no port of Service web is HTTP"):
            await prepare(every, cluster, service(ports=raw), reporter)


def test_datagrams_are_left_too():
    udp = PortMap("udp", 80, 8080)
    [(port, finding)] = check_left("web", [udp], HTTP, said=False)
    assert (port, finding.level) == (udp, "note")


async def test_who_shares_the_requests_is_in_the_way():
    async with in_shop(ports=HTTP) as (api, cluster, reporter):
        meshed(api)
        target = {"mode": "mesh", "target": "service/web", "shared": "kt-router-web", "mark": "ci"}
        hold(api, "kt-mesh-web.ci", "shadow-mesh", **target)
        with pytest.raises(Taken, match="mesh by bob@desk via version 'ci'"):
            await prepare(spec(), cluster, service(ports=HTTP), reporter)
