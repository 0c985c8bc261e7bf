import pytest
from tests.unit.modes.inbound import SERVICE, in_shop, service

from ktconnect.errors import Conflict, UsageError
from ktconnect.modes.preview import prepare, refuse_existing, run
from ktconnect.modes.serving.expose import parse_exposes
from ktconnect.modes.serving.spec import PreviewSpec, ServingSpec
from ktconnect.modes.spec import ClusterSpec


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))


def spec(name="mine", skip=True):
    serving = ServingSpec(skip_port_checking=skip)
    return PreviewSpec(name, parse_exposes("1:80,2:53/udp"), serving)


async def test_a_preview_is_planned_and_nothing_is_made_yet():
    async with in_shop() as (api, cluster, reporter):
        before = set(api.objects)
        session = await prepare(spec(), cluster, "shop", reporter)
        assert set(api.objects) == before
        assert (session.plan.mode, session.plan.service) == ("preview", "mine")
        assert [str(port.target) for port in session.plan.ports] == [
            "tcp:127.0.0.1:1",
            "udp:127.0.0.1:2",
        ]


async def test_a_service_that_is_there_is_refused_with_its_owner():
    async with in_shop() as (api, cluster, reporter):
        with pytest.raises(Conflict, match="web in namespace shop already") as caught:
            await prepare(spec("web"), cluster, "shop", reporter)
        assert "ktctl exchange web" in caught.value.hint
        assert (SERVICE, "shop", "web") in api.objects


async def test_a_port_where_nothing_listens_is_refused_unless_that_is_wanted():
    async with in_shop() as (_, cluster, reporter):
        with pytest.raises(UsageError, match="nothing listens"):
            await prepare(spec(skip=False), cluster, "shop", reporter)


def test_a_name_that_is_free_is_no_trouble():
    refuse_existing(None)
    with pytest.raises(Conflict):
        refuse_existing(service())


async def test_a_dry_run_goes_all_the_way_and_makes_nothing(tmp_path):
    async with in_shop() as (api, _, reporter):
        serving = ServingSpec(
            ClusterSpec(kubeconfig=api.kubeconfig(tmp_path, "shop")),
            skip_port_checking=True,
            dry_run=True,
        )
        before = set(api.objects)
        await run(PreviewSpec("mine", parse_exposes("1:80"), serving), reporter)
        assert set(api.objects) == before
    assert "mine" in {each["metadata"]["name"] for each in reporter.created}
