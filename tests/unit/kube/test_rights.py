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
