from typing import Any, cast

from tests.unit.modes.inbound import in_shop, service
from tests.unit.modes.mirror.test_mode import spec

from ktconnect.modes.mirror.mode import prepare, session_of


class Line:
    """Whose agent reaches nobody."""

    tunnel = None
    arrivals = None


async def test_it_is_proven_by_a_connection_and_no_request_that_the_origin_would_see(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    async with in_shop() as (_, cluster, reporter):
        asked = await prepare(spec(), cluster, service(), reporter)
        session = session_of(asked, cluster, None)
        proof = await session._prove(cast("Any", Line()), reporter)
        assert proof == ""
        message, _ = reporter.warnings[-1]
        assert "kt-mirror" in message  # its own Service, which is not there yet
        assert not session._marked
