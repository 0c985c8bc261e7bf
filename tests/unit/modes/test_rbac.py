import json

import pytest
import yaml

from ktconnect.errors import UsageError
from ktconnect.modes.rbac import printed
from ktconnect.objects.rights import CONNECT, SETUP, STATUS, role


def test_the_role_is_printed_as_it_can_be_applied():
    text = printed(["connect"], "demo", "text")
    assert yaml.safe_load(text) == role("ktctl-connect", "demo", CONNECT)
    assert "resources: [deployments]" in text


def test_several_commands_share_one_role():
    found = json.loads(printed(["status", "connect"], "demo", "json"))
    assert found["metadata"] == {"name": "ktctl-status-connect", "namespace": "demo"}
    leases = next(rule for rule in found["rules"] if rule["resources"] == ["leases"])
    wanted = {right.verb for right in (*STATUS, *CONNECT) if right.resource == "leases"}
    assert set(leases["verbs"]) == wanted


def test_what_setup_gives_to_agents_may_be_more():
    kind = "rollouts.argoproj.io"
    found = json.loads(printed(["setup"], "demo", "json", [kind]))
    rule = {"apiGroups": ["argoproj.io"], "resources": ["rollouts/scale"]}
    assert {**rule, "verbs": ["get", "patch"]} in found["rules"]
    usual = json.loads(printed(["setup"], "demo", "json", ["deployments.apps"]))
    assert usual == role("ktctl-setup", "demo", SETUP)
    with pytest.raises(UsageError, match="about what setup gives"):
        printed(["clean"], "demo", "json", [kind])
    with pytest.raises(UsageError, match="rollouts names no group"):
        printed(["setup"], "demo", "json", ["rollouts"])


def test_a_command_that_is_none_is_refused():
    with pytest.raises(UsageError, match="conect"):
        printed(["conect"], "demo", "text")


def test_without_a_namespace_it_goes_where_it_is_applied():
    assert json.loads(printed(["clean"], "", "json"))["metadata"] == {"name": "ktctl-clean"}
