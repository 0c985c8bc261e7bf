from collections.abc import AsyncIterator

import pytest
from tests.unit.kube.fakeapi import FakeApi

from ktconnect.kube.client import Cluster


@pytest.fixture
async def api() -> AsyncIterator[FakeApi]:
    """A small API server on a real socket."""
    async with FakeApi().serving() as served:
        yield served


@pytest.fixture
async def cluster(api: FakeApi) -> AsyncIterator[Cluster]:
    """A client of the small API server."""
    async with Cluster(api.config()) as opened:
        yield opened
