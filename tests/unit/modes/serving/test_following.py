import pytest

from ktconnect.errors import Unreachable
from ktconnect.modes.serving import following
from ktconnect.modes.serving.way import WayLost


async def test_a_watch_that_ends_or_fails_is_begun_again_until_the_way_is_lost(monkeypatch):
    monkeypatch.setattr(following, "FOLLOW_AGAIN", 0)
    ends = [None, Unreachable("away"), WayLost("gone")]

    async def watch():
        end = ends.pop(0)
        if end is not None:
            raise end

    with pytest.raises(WayLost, match="gone"):
        await following.follow(watch, "shop/web")
    assert ends == []
