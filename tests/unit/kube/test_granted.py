import pytest

from ktconnect.kube.granted import grants, review, rules_of
from ktconnect.kube.rights import Right

PORT_FORWARD = Right("create", "", "pods/portforward", "demo")


def rule(verbs, groups, resources, names=()):
    found = {"verbs": verbs, "apiGroups": groups, "resources": resources}
    return {**found, "resourceNames": list(names)} if names else found


def test_the_question_is_about_a_namespace():
    assert review("demo")["spec"] == {"namespace": "demo"}


@pytest.mark.parametrize(
    "given",
    [
        rule(["create"], [""], ["pods", "pods/portforward"]),
        rule(["*"], ["*"], ["*"]),
        rule(["create", "get"], ["", "apps"], ["*/portforward"]),
    ],
)
def test_a_rule_grants_what_it_names_also_by_a_wildcard(given):
    assert grants([rule(["get"], ["apps"], ["deployments"]), given], PORT_FORWARD)


@pytest.mark.parametrize(
    "given",
    [
        rule(["get"], [""], ["pods/portforward"]),
        rule(["create"], ["apps"], ["pods/portforward"]),
        rule(["create"], [""], ["pods"]),
        rule(["create"], [""], ["*/scale"]),
        rule(["create"], [""], ["pods/portforward"], names=["web-1"]),
        {"verbs": ["create"]},
    ],
)
def test_a_rule_grants_nothing_else(given):
    assert not grants([given], PORT_FORWARD)


def test_a_wildcard_of_subresources_is_none_of_the_resource():
    assert not grants([rule(["*"], ["*"], ["*/scale"])], Right("get", "", "pods", "demo"))


@pytest.mark.parametrize(
    "status",
    [{}, {"resourceRules": [rule(["*"], ["*"], ["*"])]}, {"incomplete": True}, None],
)
def test_rules_that_may_not_be_all_there_are_count_for_nothing(status):
    assert rules_of({"status": status}) == []


def test_all_rules_are_taken_as_they_are():
    every = rule(["*"], ["*"], ["*"])
    assert rules_of({"status": {"incomplete": False, "resourceRules": [every]}}) == [every]
