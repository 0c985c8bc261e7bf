from types import SimpleNamespace

import pytest
from tests.unit.modes.reporting import Remembering

from ktconnect.errors import Refused, Unreachable
from ktconnect.modes.local import journals
from ktconnect.modes.standing import standing

POD = {"metadata": {"name": "agent-1"}, "spec": {"nodeName": "node1"}}


class Fake:
    """A session's agent that does what it is told, or fails."""

    def __init__(self, *, starts=True, goes=True):
        self.session = SimpleNamespace(namespace="demo", name="kt-forward-abcde")
        self.lease, self.uid = self, "1-2"
        self.starts, self.goes, self.did = starts, goes, []

    async def create(self):
        self.did.append("create")

    async def ready_pod(self):
        if not self.starts:
            raise Refused("no image")
        return POD

    async def delete(self):
        self.did.append("delete")
        if not self.goes:
            raise Unreachable("no answer")


def agent_that(**how):
    return Fake(**how)


async def test_the_agent_stands_while_the_block_runs_and_is_taken_away_after(kt_home):
    agent, reporter = agent_that(), Remembering()
    async with standing(agent, "https://api", reporter):
        assert agent.did == ["create", "create"]  # the Lease, then what it owns
        assert [path.stem[:16] for path in journals().iterdir()] == ["kt-forward-abcde"]
    assert agent.did[-1] == "delete"
    assert list(journals().iterdir()) == []
    assert reporter.steps[0] == "Agent agent-1 runs on node1"


async def test_one_that_does_not_start_is_taken_away_too(kt_home):
    agent = agent_that(starts=False)
    with pytest.raises(Refused, match="no image"):
        async with standing(agent, "https://api", Remembering()):
            pytest.fail("the block must not begin")
    assert agent.did[-1] == "delete"


async def test_one_that_cannot_be_taken_away_is_remembered(kt_home):
    reporter = Remembering()
    async with standing(agent_that(goes=False), "https://api", reporter):
        pass
    assert "still in the cluster" in reporter.warnings[0][0]
    assert [path.stem[:16] for path in journals().iterdir()] == ["kt-forward-abcde"]
