import asyncio

import pytest
from tests.unit.agent.calling import saying
from tests.unit.modes.shop import shop
from tests.unit.tunnel.ends import until

from ktconnect.modes.serving import line as serving_line
from ktconnect.modes.serving import selftest
from ktconnect.modes.serving import undo as serving_undo


@pytest.fixture(autouse=True)
def brief(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(serving_line, "LOOK_AGAIN", 0.02)
    monkeypatch.setattr(serving_line, "LOST_AFTER", 0.1)
    monkeypatch.setattr(serving_undo, "PROXIES", 0.01)
    monkeypatch.setattr(serving_undo, "LEFT_WITHIN", 0.1)
    monkeypatch.setattr(selftest, "WITHIN", 0.1)


async def test_a_tunnel_that_stays_away_means_that_the_agent_is_lost_though_its_pod_is_there(
    monkeypatch,
):
    async with shop(monkeypatch) as place, saying(b"laptop") as here:
        session = place.session(here)
        async with place.serving(session):
            line = session._line
            assert line is not None
            session.shadow.stop()
            async with asyncio.timeout(5):
                await line.when_lost()
            session.shadow.start()
            async with asyncio.timeout(5):
                await line.when_up()


async def test_an_agent_that_is_taken_away_was_not_lost_and_is_not_revived(monkeypatch):
    async with shop(monkeypatch) as place, saying(b"laptop") as here:
        session = place.session(here)
        async with place.serving(session):
            line = session._line
            assert line is not None
            line.wind_up()
            session.shadow.stop()
            await until(lambda: not line.is_up)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await line.when_lost()
            assert line.tunnel.on_unreachable is None


async def test_the_addresses_of_all_its_agents_are_remembered(monkeypatch):
    async with shop(monkeypatch) as place, saying(b"laptop") as here:
        session = place.session(here)
        async with place.serving(session):
            assert session._line is not None
            assert session._line.addresses == {"10.0.0.1"}
