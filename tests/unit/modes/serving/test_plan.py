import json
from dataclasses import replace

import pytest
from tests.unit.modes.inbound import WEB, in_shop

from ktconnect.kube.undoable import AGENT
from ktconnect.modes.serving.plan import inbound_plan, session_lease
from ktconnect.modes.serving.spec import ServingSpec
from ktconnect.modes.spec import ClusterSpec

SPEC = ServingSpec(ClusterSpec(labels=(("team", "blue"),)), restore_after=30)


def plan(mode="exchange", service="web"):
    return inbound_plan(SPEC, mode, f"kt-{mode}-{service}", "shop", service, (WEB,))


def test_objects_are_named_as_kt_connect_names_them():
    assert plan().agent.name.startswith("web-kt-exchange-")
    assert plan("preview").agent.name.startswith("web-kt-")
    assert len(plan(service="a" * 63).agent.name) <= 63
    assert plan().agent.name != plan().agent.name


@pytest.mark.parametrize("mode", ["exchange", "mesh", "mirror"])
def test_callers_may_always_be_led_away_from_an_agent_again(mode):
    assert AGENT.fullmatch(plan(mode).agent.name)
    assert AGENT.fullmatch(plan(mode, "a" * 63).agent.name)


def test_the_session_has_the_role_of_its_mode_and_the_users_labels():
    session = plan("preview").session
    assert (session.role, session.labels) == ("shadow-preview", (("team", "blue"),))
    assert ("kt-target", "web") in plan().agent.labels


async def test_the_lease_says_what_comes_here():
    async with in_shop() as (_, cluster, _reporter):
        lease = session_lease(cluster, SPEC, plan())
        stored = await lease.create()
        config = json.loads(stored["metadata"]["annotations"]["kt-config"])
        assert (config["mode"], config["target"]) == ("exchange", "service/web")
        assert config["ports"] == ["port 80 (http) to http → 127.0.0.1:9000"]
        assert stored["spec"]["leaseDurationSeconds"] == 30
        assert "shared" not in config
        sharing = session_lease(cluster, SPEC, replace(plan(service="db"), shared="kt-router-db"))
        notes = (await sharing.create())["metadata"]["annotations"]
        assert json.loads(notes["kt-config"])["shared"] == "kt-router-db"
        scaled = session_lease(cluster, SPEC, plan(service="api"), "deployment/api")
        notes = (await scaled.create())["metadata"]["annotations"]
        assert json.loads(notes["kt-config"])["target"] == "deployment/api"
