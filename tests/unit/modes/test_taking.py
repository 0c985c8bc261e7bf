import asyncio
import sys

from tests.unit.kube.fakeapi import FakeApi
from tests.unit.modes.reporting import Remembering

from ktconnect.kube.client import Cluster
from ktconnect.modes.cluster import holder
from ktconnect.modes.taking import taker_of


async def test_who_takes_knows_what_was_killed_on_this_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    async with Cluster(FakeApi().config()) as cluster:
        dying = f"bind(remember({cluster.config.server!r}, 'demo', 'kt-exchange-web'), 'u-1')"
        code = f"from ktconnect.modes.local import bind, remember; {dying}"
        dead = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
        assert await dead.wait() == 0
        reporter = Remembering()
        taker = taker_of(cluster, reporter, takeover=True)
    taker.say("hello")
    assert (taker.by, taker.takeover, taker.gone) == (holder(), True, {"u-1"})
    assert reporter.notes == ["hello"]
