import pytest

from ktconnect.objects.rights import AGENT_GUARD, AGENT_GUARD_ISTIO
from ktconnect.objects.setup import (
    KINDS,
    binding,
    guard_role,
    manifests,
    more_of,
    scale_rights,
)

ROLLOUTS = scale_rights("argoproj.io", "rollouts")


def test_all_is_of_one_namespace_and_no_clean_up_takes_it_for_a_session():
    for manifest in manifests("demo", AGENT_GUARD_ISTIO):
        assert manifest["metadata"]["namespace"] == "demo"
        assert "control-by" not in manifest["metadata"]["labels"]
    kinds = [f"{each['apiVersion']}/{each['kind']}" for each in manifests("demo")]
    assert tuple(kinds) == KINDS


@pytest.mark.parametrize("more", [(), AGENT_GUARD_ISTIO, ROLLOUTS, (*AGENT_GUARD_ISTIO, *ROLLOUTS)])
def test_the_role_holds_what_a_guard_needs_and_no_more(more):
    found = guard_role("demo", more)
    assert set(more_of(found)) == set(more)
    rules = found["rules"]
    rights = (*AGENT_GUARD, *more)
    held = {
        (verb, group, resource)
        for rule in rules
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    assert held == {(right.verb, right.group, right.resource) for right in rights}
    assert "create" not in {right.verb for right in rights}


def test_a_role_is_the_same_in_whatever_order_its_rights_were_given():
    listed = (*ROLLOUTS, *AGENT_GUARD_ISTIO, *scale_rights("apps", "deployments"))
    assert guard_role("demo", listed) == guard_role("demo", (*reversed(listed), *listed))


def test_a_role_that_is_not_there_gives_nothing():
    assert more_of(None) == ()


def test_of_what_somebody_else_wrote_into_a_role_only_rights_of_guards_are_known():
    rules = [
        {"apiGroups": ["argoproj.io"], "resources": ["rollouts/scale"], "verbs": ["patch", "get"]},
        {"apiGroups": ["argoproj.io"], "resources": ["rollouts"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]},
        {"nonResourceURLs": ["/metrics"], "verbs": ["get"]},
    ]
    assert more_of({"rules": rules}) == ROLLOUTS


def test_the_binding_gives_that_role_to_that_account():
    found = binding("demo")
    [subject] = found["subjects"]
    assert (found["roleRef"]["name"], subject["name"]) == ("kt-agent", "kt-agent")
    assert subject["namespace"] == "demo"
