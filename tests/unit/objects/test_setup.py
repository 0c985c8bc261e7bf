from ktconnect.objects.rights import AGENT_GUARD
from ktconnect.objects.setup import KINDS, binding, guard_role, manifests


def test_all_is_of_one_namespace_and_no_clean_up_takes_it_for_a_session():
    for manifest in manifests("demo"):
        assert manifest["metadata"]["namespace"] == "demo"
        assert "control-by" not in manifest["metadata"]["labels"]
    kinds = [f"{each['apiVersion']}/{each['kind']}" for each in manifests("demo")]
    assert tuple(kinds) == KINDS


def test_the_role_holds_what_a_guard_needs_and_no_more():
    rules = guard_role("demo")["rules"]
    held = {
        (verb, group, resource)
        for rule in rules
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    assert held == {(right.verb, right.group, right.resource) for right in AGENT_GUARD}
    assert "create" not in {right.verb for right in AGENT_GUARD}


def test_the_binding_gives_that_role_to_that_account():
    found = binding("demo")
    [subject] = found["subjects"]
    assert (found["roleRef"]["name"], subject["name"]) == ("kt-agent", "kt-agent")
    assert subject["namespace"] == "demo"
