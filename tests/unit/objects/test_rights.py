from pathlib import Path

import pytest
import yaml

from ktconnect.errors import UsageError
from ktconnect.objects.rights import (
    AGENT_GUARD,
    COMMANDS,
    CONNECT,
    EXCHANGE_SELECTOR,
    MESH_ROUTER,
    Right,
    command_for,
    needed,
    role,
    rules,
)

MODES = ("router", "istio", "gateway", "manual")
PAGE = Path(__file__).parents[3] / "docs/guide/rights.md"


def test_a_right_reads_as_kubectl_would_say_it():
    assert str(Right("create", "", "pods/portforward")) == "create pods/portforward"
    assert str(Right("get", "apps", "deployments")) == "get deployments.apps"


def test_the_role_has_one_rule_for_each_resource():
    rules = role("kt-connect", "demo", CONNECT)["rules"]
    assert {
        "apiGroups": [""],
        "resources": ["pods/portforward"],
        "verbs": ["get", "create"],
    } in rules
    resources = [(rule["apiGroups"][0], rule["resources"][0]) for rule in rules]
    assert len(resources) == len(set(resources))


@pytest.mark.parametrize("command", COMMANDS)
def test_no_wildcard_no_secret_and_no_exec_is_asked_for(command):
    rights = needed([command])
    assert not any("*" in (right.verb, right.resource, right.group) for right in rights)
    assert not {"secrets", "pods/exec"} & {right.resource for right in rights}
    assert len(rights) == len(set(rights))


def test_several_commands_need_what_each_of_them_needs_once():
    both = needed(["status", "clean"])
    assert set(both) == set(COMMANDS["status"]) | set(COMMANDS["clean"])
    assert len(both) == len(set(both))


def test_a_command_that_needs_no_rights_is_refused_with_those_that_do():
    with pytest.raises(UsageError, match="completion is no command") as caught:
        needed(["clean", "completion"])
    assert "exchange" in caught.value.hint


def test_each_way_of_mirroring_has_a_name_of_its_own():
    ways = {command: COMMANDS[command] for command in COMMANDS if command.startswith("mirror-")}
    assert set(ways) == {f"mirror-{mode}" for mode in ("router", "istio", "gateway", "tcp")}
    assert set(COMMANDS["mirror"]) == {right for rights in ways.values() for right in rights}
    assert ways["mirror-tcp"] == COMMANDS["exchange"][: len(ways["mirror-tcp"])]


def test_rights_are_called_as_the_command_that_needs_them():
    assert command_for(EXCHANGE_SELECTOR) == "exchange-selector"
    assert command_for(MESH_ROUTER) == "mesh-router"
    assert command_for(MESH_ROUTER, "mirror") == "mirror-router"
    assert command_for(CONNECT[:1]) == "COMMAND"


def test_the_role_in_the_documentation_is_the_one_that_is_checked():
    documented = PAGE.read_text().split("```yaml\n")[1].split("```")[0]
    assert yaml.safe_load(documented) == role("ktctl-connect", "demo", CONNECT)


def test_the_role_of_agents_is_documented_as_it_is_made():
    documented = PAGE.read_text().split("```yaml\n")[2].split("```")[0]
    assert yaml.safe_load(documented)["rules"] == rules(AGENT_GUARD)


def test_every_command_that_needs_rights_is_on_the_page():
    page = PAGE.read_text()
    assert [command for command in COMMANDS if f"`{command}`" not in page] == []


@pytest.mark.parametrize("command", ["mesh", "mirror"])
def test_each_driver_of_rules_needs_its_own_rights_only(command):
    istio, gateway = "networking.istio.io", "gateway.networking.k8s.io"
    groups = {mode: {right.group for right in COMMANDS[f"mesh-{mode}"]} for mode in MODES}
    assert {mode: found & {istio, gateway} for mode, found in groups.items()} == {
        "router": set(),
        "istio": {istio},
        "gateway": {gateway},
        "manual": set(),
    }
    assert set(needed([command])) >= set(needed([f"mesh-{mode}" for mode in MODES]))
