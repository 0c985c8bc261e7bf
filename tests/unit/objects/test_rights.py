from pathlib import Path

import yaml

from ktconnect.objects.rights import CONNECT, Right, role

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


def test_nothing_outside_the_namespace_and_no_wildcard_is_asked_for():
    assert not any("*" in (right.verb, right.resource) for right in CONNECT)
    assert "secrets" not in {right.resource for right in CONNECT}


def test_the_role_in_the_documentation_is_the_one_that_is_checked():
    documented = PAGE.read_text().split("```yaml\n")[1].split("```")[0]
    assert yaml.safe_load(documented) == role("ktctl-connect", "demo", CONNECT)
