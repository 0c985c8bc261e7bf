import asyncio
from dataclasses import replace
from functools import partial

from tests.unit.modes.inbound import in_shop
from tests.unit.modes.routing.sharing import sharer
from tests.unit.tunnel.ends import until

from ktconnect.modes.routing.overlapping import tell_overlaps
from ktconnect.modes.routing.shares import Shares


def told(reporter, number):
    return len(reporter.warnings) == number


async def test_who_means_the_same_requests_is_told_of_once_and_again_if_he_comes_back():
    async with in_shop() as (api, cluster, reporter):
        ann = await sharer(api, cluster, "ann", "header:x-user=ann")
        async with asyncio.TaskGroup() as tasks:
            telling = tasks.create_task(tell_overlaps(ann.seat, ann.share, reporter))
            await api.watched()
            bob = await sharer(api, cluster, "bob", "header:x-user^=an")
            apart = await sharer(api, cluster, "eve", "header:x-user=eve")
            for number in (1, 2):
                for user in (bob, apart):
                    await Shares(user.seat).publish(replace(user.share, leaving=False))
                await until(partial(told, reporter, number))
                await Shares(bob.seat).publish(replace(bob.share, leaving=True))
                await asyncio.sleep(0.05)
            telling.cancel()
        message, hint = reporter.warnings[0]
        assert "ann (ann) gets the request, not ann (bob)" in message
        assert "exclude each other" in hint
        assert len(reporter.warnings) == 2
