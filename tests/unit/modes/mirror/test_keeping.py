import asyncio
import json
from dataclasses import replace

import pytest
from tests.unit.modes.answering import answering, ok
from tests.unit.modes.inbound import PLAN, WEB
from tests.unit.modes.reporting import Remembering

from ktconnect.errors import UsageError
from ktconnect.modes.mirror.keeping import kept
from ktconnect.modes.mirror.spec import Keeping

GET = b"GET /a HTTP/1.1\r\nHost: web\r\n\r\n"


class Nowhere:
    async def ready(self):
        return []

    async def admin(self, pod):
        raise AssertionError("there is none")


async def test_copies_go_past_what_reads_them_and_are_recorded(tmp_path):
    path, reporter = tmp_path / "a.har", Remembering()
    async with answering(lambda head: ok(b"abc")) as (target, heads):

        async def go(plan, tapping):
            assert tapping is None
            (place,) = plan.targets.values()
            assert place != target
            reader, writer = await asyncio.open_connection(place.host, place.port)
            writer.write(GET)
            assert await reader.readexactly(len(ok(b"abc")))
            writer.close()
            entries = json.loads(path.read_text())["log"]["entries"]
            assert entries[0]["response"]["content"]["text"] == "abc"

        plan = replace(PLAN, ports=(replace(WEB, target=target),))
        await kept(Keeping(record=str(path)), plan, None, reporter, go)
    assert heads == [GET]
    assert reporter.notes == [f"1 exchanges were recorded in {path}"]


async def test_the_sum_is_told_however_the_session_ends():
    reporter = Remembering()

    async def go(plan, tapping):
        assert tapping is not None
        await asyncio.sleep(0)
        raise UsageError("over")

    with pytest.raises(UsageError, match="over"):
        await kept(Keeping(diff=True), PLAN, Nowhere(), reporter, go)
    assert [each.compared for each in reporter.sums] == [0]


async def test_a_file_that_cant_be_made_is_said_before_anything_happens(tmp_path):
    async def go(plan, tapping):
        raise AssertionError("nothing may happen")

    with pytest.raises(UsageError, match="--record"):
        await kept(Keeping(record=str(tmp_path)), PLAN, None, Remembering(), go)
