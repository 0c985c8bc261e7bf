import pytest

from ktconnect.errors import Forbidden, Unreachable
from ktconnect.kube.rights import Right, denied, missing, named, review


def test_a_question_names_only_what_is_given():
    asked = review(Right("create", "", "pods/portforward", "demo"))
    assert asked["spec"]["resourceAttributes"] == {
        "verb": "create",
        "resource": "pods",
        "subresource": "portforward",
        "namespace": "demo",
    }


def test_a_right_reads_as_a_sentence():
    assert str(Right("list", "apps", "deployments")) == "list deployments.apps in the whole cluster"
    scale = Right("patch", "apps", "deployments/scale", "demo")
    assert str(scale) == "patch deployments.apps/scale in namespace demo"


def test_rights_on_one_resource_are_named_together_and_once():
    leases = [Right(verb, "", "leases", "demo") for verb in ("create", "get", "create")]
    both = [*leases, Right("list", "", "leases"), Right("get", "", "pods", "demo")]
    assert named(both) == (
        "create, get leases in namespace demo; list leases in the whole cluster; "
        "get pods in namespace demo"
    )


def test_one_resource_is_a_sentence_and_several_are_lines():
    pods = [Right(verb, "", "pods", "demo") for verb in ("create", "get")]
    assert denied(pods) == "you may not create, get pods in namespace demo"
    assert denied([*pods, Right("list", "", "services")]) == (
        "you may not\n  create, get pods in namespace demo\n  list services in the whole cluster"
    )


async def test_a_server_that_may_not_be_asked_counts_as_allowing():
    async def create(manifest):
        raise Forbidden("no")

    assert await missing(create, [Right("get", "", "pods")]) == ()


async def test_a_server_that_is_gone_is_told_as_such():
    async def create(manifest):
        raise Unreachable("gone")

    with pytest.raises(Unreachable):
        await missing(create, [Right("get", "", "pods"), Right("list", "", "pods")])


PODS = [Right(verb, "", "pods", "demo") for verb in ("create", "get", "list", "watch")]


def answering(rules, *, incomplete=False, denied=()):
    """A server with these rules, and what it was asked."""
    asked = []

    async def create(manifest):
        asked.append(manifest)
        if manifest["kind"] == "SelfSubjectRulesReview":
            return {"status": {"resourceRules": rules, "incomplete": incomplete}}
        verb = manifest["spec"]["resourceAttributes"]["verb"]
        return {"status": {"allowed": verb not in denied}}

    return create, asked


async def test_many_rights_are_asked_for_by_one_question():
    create, asked = answering([{"verbs": ["*"], "apiGroups": [""], "resources": ["pods"]}])
    assert await missing(create, PODS) == ()
    assert [each["kind"] for each in asked] == ["SelfSubjectRulesReview"]


async def test_what_no_rule_grants_is_asked_for_by_itself():
    rules = [{"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"]}]
    create, asked = answering(rules, denied=("create",))
    assert await missing(create, PODS) == (PODS[0],)
    attributes = [each["spec"].get("resourceAttributes", {}) for each in asked[1:]]
    assert [each["verb"] for each in attributes] == ["create", "watch"]


async def test_rules_that_are_not_all_there_are_say_nothing():
    every = [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]
    create, asked = answering(every, incomplete=True, denied=("get",))
    assert await missing(create, PODS) == (PODS[1],)
    assert len(asked) == 1 + len(PODS)


async def test_rules_are_those_of_one_namespace():
    every = [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]
    create, _ = answering(every, denied=("get",))
    everywhere = Right("get", "", "pods")
    assert await missing(create, [*PODS, everywhere]) == (everywhere,)
