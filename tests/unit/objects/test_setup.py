import pytest

from ktconnect.objects.rights import AGENT_GUARD, AGENT_GUARD_ISTIO
from ktconnect.objects.setup import KINDS, binding, gives_istio, guard_role, manifests


def test_all_is_of_one_namespace_and_no_clean_up_takes_it_for_a_session():
    for manifest in manifests("demo", istio=True):
        assert manifest["metadata"]["namespace"] == "demo"
        assert "control-by" not in manifest["metadata"]["labels"]
    kinds = [f"{each['apiVersion']}/{each['kind']}" for each in manifests("demo", istio=True)]
    assert tuple(kinds) == KINDS


@pytest.mark.parametrize("istio", [False, True])
def test_the_role_holds_what_a_guard_needs_and_no_more(istio):
    found = guard_role("demo", istio=istio)
    assert gives_istio(found) is istio
    rules = found["rules"]
    rights = (*AGENT_GUARD, *(AGENT_GUARD_ISTIO if istio else ()))
    held = {
        (verb, group, resource)
        for rule in rules
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    assert held == {(right.verb, right.group, right.resource) for right in rights}
    assert "create" not in {right.verb for right in rights}


def test_a_role_that_is_not_there_gives_nothing():
    assert not gives_istio(None)


def test_the_binding_gives_that_role_to_that_account():
    found = binding("demo")
    [subject] = found["subjects"]
    assert (found["roleRef"]["name"], subject["name"]) == ("kt-agent", "kt-agent")
    assert subject["namespace"] == "demo"
