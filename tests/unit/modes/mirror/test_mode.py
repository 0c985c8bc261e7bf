from dataclasses import replace

import pytest
from tests.unit.modes.inbound import PLAN, in_shop, service
from tests.unit.modes.reporting import Remembering
from tests.unit.modes.routing.sharing import sharer

from ktconnect.errors import UsageError
from ktconnect.modes.mirror.mode import advice, check_driver, prepare, run, session_of, share_of
from ktconnect.modes.mirror.spec import Keeping, MirrorSpec
from ktconnect.modes.serving.expose import parse_exposes
from ktconnect.modes.serving.spec import ServingSpec
from ktconnect.modes.spec import ClusterSpec
from ktconnect.rules.match import parse_match
from ktconnect.rules.meshes import Choice
from ktconnect.rules.model import Match


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))


def spec(**given):
    serving = ServingSpec(skip_port_checking=True)
    return MirrorSpec("web", parse_exposes("1:80"), serving=serving, **given)


async def test_a_mirror_is_planned_and_nothing_is_made_yet():
    async with in_shop() as (api, cluster, reporter):
        before = set(api.objects)
        asked = await prepare(spec(percent=5), cluster, service(), reporter)
        assert set(api.objects) == before
        plan = asked.plan
        assert plan.session.name.startswith("kt-mirror-web.")
        assert plan.shared
        assert [port.service_port for port in plan.exposed] == [80]
        assert asked.chosen.driver == "router"
        share = share_of(asked.spec, plan)
        assert (share.kind, share.percent, share.ports) == ("mirror", 5, (80,))
        assert share.service == f"web-kt-mirror-{share.mark}"
        assert share.matches == (Match(),)


async def test_the_session_says_what_is_copied_and_by_what():
    async with in_shop() as (_, cluster, reporter):
        asked = await prepare(spec(), cluster, service(), reporter)
        told = session_of(asked, cluster, None).ready(0)
        assert told.mode == "mirror"
        assert told.banner == "Now requests to service 'web' are copied to local"
        assert told.advice[-1] == "copied: all requests"
        assert told.facts["driver"] == "router"
        assert "mark" not in told.facts, "birdseye shows none, either"


async def test_several_mirrors_have_names_of_their_own():
    async with in_shop() as (_, cluster, reporter):
        one, two = [await prepare(spec(), cluster, service(), reporter) for _ in range(2)]
        assert one.plan.session.name != two.plan.session.name


async def test_others_who_share_the_service_decide_what_makes_copies():
    async with in_shop() as (api, cluster, reporter):
        api.put(service())
        await sharer(api, cluster, "ci", driver="router")
        asked = await prepare(spec(), cluster, service(), reporter)
        assert asked.chosen.driver == "router"
        assert "others share" in asked.chosen.why
        with pytest.raises(UsageError, match="shared by the router driver"):
            await prepare(spec(mode="istio"), cluster, service(), reporter)


async def test_a_service_without_requests_is_refused_and_led_to_bytes():
    dns = service(ports=[{"name": "dns", "port": 53, "protocol": "UDP"}])
    async with in_shop() as (api, cluster, reporter):
        api.put(dns)
        everything = MirrorSpec("web", serving=spec().serving)
        with pytest.raises(UsageError, match="carries requests") as caught:
            await prepare(everything, cluster, dns, reporter)
        assert "--mode tcp" in caught.value.hint


def test_comparing_needs_somebody_who_shows_the_answers():
    wanted = spec(keeping=Keeping(diff=True))
    check_driver(wanted, Choice("router", "x"))
    check_driver(spec(keeping=Keeping(record="x")), Choice("istio", "x"))
    with pytest.raises(UsageError, match="made by istio here") as caught:
        check_driver(wanted, Choice("istio", "sidecars are in the way"))
    assert "--mode router" in caught.value.hint


def test_what_is_copied_is_told_in_lines():
    one = share_of_paths()
    assert advice(one) == ("copied: 5 % of path:/api", "copied: 5 % of method=GET")


def share_of_paths():
    matches = parse_match("path:/api"), parse_match("method=GET")
    return share_of(spec(percent=5, matches=matches), PLAN)


@pytest.mark.parametrize("diff", [True, False])
async def test_a_dry_run_makes_nothing_and_writes_no_file(tmp_path, monkeypatch, diff):
    async with in_shop() as (api, _, reporter):
        api.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
        before = set(api.objects)
        path = tmp_path / "a.har"
        keeping = Keeping(diff=diff, record=str(path) if diff else "")
        wanted = spec(keeping=keeping)
        cluster_spec = ClusterSpec(kubeconfig=api.kubeconfig(tmp_path, "shop"))
        serving = replace(wanted.serving, cluster=cluster_spec, dry_run=True)
        await run(replace(wanted, serving=serving), reporter)
        assert set(api.objects) == before
        assert not path.exists()
        kinds = {each["kind"] for each in reporter.created}
        assert {"Lease", "Service", "Deployment"} <= kinds


async def test_a_file_that_is_there_is_refused_before_the_cluster_is_asked(tmp_path):
    path = tmp_path / "a.har"
    path.write_text("mine")
    nowhere = ClusterSpec(kubeconfig=str(tmp_path / "none"))
    wanted = spec(keeping=Keeping(record=str(path)))
    with pytest.raises(UsageError, match="such a file already"):
        await run(replace(wanted, serving=replace(wanted.serving, cluster=nowhere)), Remembering())
    assert path.read_text() == "mine"
