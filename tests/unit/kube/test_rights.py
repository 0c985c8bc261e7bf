import pytest

from ktconnect.errors import Forbidden, Unreachable
from ktconnect.kube.rights import Right, missing, review


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


async def test_a_server_that_may_not_be_asked_counts_as_allowing():
    async def create(manifest):
        raise Forbidden("no")

    assert await missing(create, [Right("get", "", "pods")]) == ()


async def test_a_server_that_is_gone_is_told_as_such():
    async def create(manifest):
        raise Unreachable("gone")

    with pytest.raises(Unreachable):
        await missing(create, [Right("get", "", "pods"), Right("list", "", "pods")])
