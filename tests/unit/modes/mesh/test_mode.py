import pytest
from tests.unit.modes.inbound import in_shop, selector, service

from ktconnect.errors import Conflict, Forbidden, UsageError
from ktconnect.modes.mesh.manual import ManualWay
from ktconnect.modes.mesh.mode import (
    Asked,
    banner,
    prepare,
    prepare_manual,
    run,
)
from ktconnect.modes.mesh.spec import MeshSpec
from ktconnect.modes.serving.expose import parse_exposes
from ktconnect.modes.serving.spec import ServingSpec
from ktconnect.modes.spec import ClusterSpec
from ktconnect.objects.session import LEASE, record_of
from ktconnect.rules.mark import alternatives, version_mark
from ktconnect.sessions.lease import SessionLease


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))


def asked(mark="ci", *matches, expose="1:80", mode="router", **fields):
    serving = ServingSpec(skip_port_checking=True, **fields)
    spec = MeshSpec(("web",), parse_exposes(expose), serving, mode, mark, matches)
    read = version_mark(mark, "abcde")
    return Asked(spec, read, alternatives(read, matches, marked=bool(mark)))


async def test_a_session_is_planned_and_nothing_is_made_yet():
    async with in_shop() as (api, cluster, reporter):
        before = set(api.objects)
        session = await prepare(asked(), cluster, service(), reporter)
        assert set(api.objects) == before
        plan = session.plan
        assert plan.session.name == "kt-mesh-web.ci"
        assert plan.shared == "kt-router-web"
        assert [port.service_port for port in plan.ports] == [80]
        way = session._sharing
        assert way.banner == "Now you can access your service by header 'VERSION: ci'"
        assert way.share.service == "web-kt-mesh-ci"
        assert any("stay with the original Pods" in line for line in way.advice)


async def test_a_mark_that_somebody_has_is_refused_in_the_words_of_kt_connect():
    async with in_shop() as (_, cluster, reporter):
        first = await prepare(asked(), cluster, service(), reporter)
        assert isinstance(first._lease, SessionLease)
        await first._lease.create()
        with pytest.raises(Conflict, match="Another user is meshing service 'web' via version"):
            await prepare(asked(), cluster, service(), reporter)
        await prepare(asked("bob"), cluster, service(), reporter)


async def test_a_labelled_pod_is_all_that_manual_makes():
    async with in_shop() as (api, cluster, reporter):
        before = set(api.objects)
        session = await prepare_manual(asked(mode="manual"), cluster, service(), reporter)
        assert set(api.objects) == before
        assert isinstance(session._way, ManualWay)
        assert session.plan.alone
        assert not session.plan.shared
        assert any("port 81 (admin)" in message for message, _ in reporter.warnings)
        with pytest.raises(UsageError, match="--match has no meaning"):
            await prepare_manual(asked("ci", "path:/a"), cluster, service(), reporter)


async def test_what_can_not_be_told_apart_is_refused():
    udp = [{"name": "dns", "port": 53, "protocol": "UDP"}]
    async with in_shop(ports=udp) as (_, cluster, reporter):
        with pytest.raises(UsageError, match="datagrams carry no mark"):
            await prepare(asked(expose="53"), cluster, service(ports=udp), reporter)
        with pytest.raises(UsageError, match="no port of Service web carries requests"):
            await prepare(asked(expose=None), cluster, service(ports=udp), reporter)


@pytest.mark.parametrize(
    ("mark", "matches", "says"),
    [
        ("ci", (), "by header 'VERSION: ci'"),
        ("user:ann", ("path:/a",), "by header 'USER: ann', or where path begins with '/a'"),
        ("", ("cookie:user=ann",), "where cookie user is 'ann'"),
        (
            "",
            ("path=/a", "path=/b", "path=/c"),
            "where path is '/a', or where path is '/b', or where path is '/c'",
        ),
        (
            "",
            ("path=/a", "path=/b", "path=/c", "path=/d"),
            "where path is '/a', or where path is '/b', or in 2 more cases",
        ),
    ],
)
def test_it_is_said_how_the_service_is_reached(mark, matches, says):
    read = version_mark(mark, "abcde")
    found = banner(read, alternatives(read, matches, marked=bool(mark)))
    assert found == f"Now you can access your service {says}"


async def test_a_dry_run_goes_all_the_way_and_changes_nothing(tmp_path):
    async with in_shop() as (api, _, reporter):
        before = {key: value["spec"] for key, value in api.objects.items()}
        serving = ServingSpec(
            ClusterSpec(kubeconfig=api.kubeconfig(tmp_path, "shop")),
            skip_port_checking=True,
            dry_run=True,
        )
        spec = MeshSpec(("web",), parse_exposes("1:80"), serving, "router", "-x:ci")
        await run(spec, reporter)
        assert {key: value["spec"] for key, value in api.objects.items()} == before
        assert selector(api) == {"app": "web"}
    made = {each["metadata"]["name"] for each in reporter.created}
    assert {"kt-router-web", "web-kt-router", "web-kt-origin", "web-kt-mesh-ci"} <= made
    assert "v1/Service/shop/web#/spec/selector" in [key for key, *_ in reporter.changed]
    assert "can't be a header's name" in reporter.warnings[0][0]


async def test_a_missing_right_is_named_before_anything_is_looked_at(tmp_path):
    async with in_shop() as (api, _, reporter):
        api.denied = {("patch", "pods", "shop")}
        spec = MeshSpec(
            ("web",),
            (),
            ServingSpec(ClusterSpec(kubeconfig=api.kubeconfig(tmp_path, "shop"))),
            "router",
            "ci",
        )
        with pytest.raises(Forbidden, match="patch pods in namespace shop"):
            await run(spec, reporter)


async def test_the_lease_says_by_what_mark_and_how():
    async with in_shop() as (api, cluster, reporter):
        session = await prepare(asked(), cluster, service(), reporter)
        await session._lease.create(session._way.journal)
        record = record_of(api.objects[LEASE, "shop", "kt-mesh-web.ci"])
        assert record.config["mark"] == "ci"
        assert record.config["header"] == "version"
        assert record.config["driver"] == "router"
        assert record.shared == "kt-router-web"
