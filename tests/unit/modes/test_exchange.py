import pytest
from tests.unit.modes.inbound import in_shop, service

from ktconnect.errors import UsageError
from ktconnect.modes.exchange import find_targets, prepare
from ktconnect.modes.expose import parse_exposes
from ktconnect.modes.serving_spec import ExchangeSpec, ServingSpec
from ktconnect.sessions.lease import SessionLease, Taken


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))


def spec(*targets, expose="1:80"):
    return ExchangeSpec(
        targets or ("web",), parse_exposes(expose), ServingSpec(skip_port_checking=True)
    )


async def test_targets_are_found_before_anything_is_made():
    async with in_shop() as (_, cluster, reporter):
        [found] = await find_targets(spec("service/web"), cluster, "shop", reporter)
        assert found["metadata"]["name"] == "web"
        assert reporter.steps == ["Callers of shop/web are meant"]
        with pytest.raises(UsageError, match="api is not a target"):
            await find_targets(spec(expose="api=1:80"), cluster, "shop", reporter)


async def test_a_session_is_planned_with_what_was_exposed_and_nothing_is_made_yet():
    async with in_shop() as (api, cluster, reporter):
        before = set(api.objects)
        session = await prepare(spec(), cluster, service(), reporter)
        assert set(api.objects) == before
        plan = session.plan
        assert plan.session.name == "kt-exchange-web"
        assert [port.service_port for port in plan.exposed] == [80]
        assert len(plan.ports) == 2


async def test_whoever_has_the_target_is_named():
    async with in_shop() as (_, cluster, reporter):
        first = await prepare(spec(), cluster, service(), reporter)
        lease = first._lease
        assert isinstance(lease, SessionLease)
        await lease.create()
        with pytest.raises(Taken, match="is taken: exchange by"):
            await prepare(spec(), cluster, service(), reporter)
