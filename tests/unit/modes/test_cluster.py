import pytest
from tests.unit.kube.fakeapi import FakeApi

from ktconnect.errors import Forbidden, UsageError
from ktconnect.kube.client import Cluster
from ktconnect.kube.facts import ClusterFacts
from ktconnect.kube.rights import Right
from ktconnect.modes.cluster import (
    holder,
    load_config,
    open_cluster,
    require,
    require_namespace,
)
from ktconnect.modes.spec import ClusterSpec
from ktconnect.objects.rights import CONNECT


def test_the_holder_is_the_user_behind_sudo(monkeypatch):
    monkeypatch.setenv("SUDO_USER", "ann")
    assert holder().startswith("ann@")


def test_a_missing_kubeconfig_is_a_wrong_call():
    with pytest.raises(UsageError, match="/no/such"):
        load_config(ClusterSpec(kubeconfig="/no/such/file"))


async def test_the_cluster_is_that_of_the_kubeconfig(tmp_path):
    path = tmp_path / "config"
    path.write_text(
        "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\n"
        "contexts: [{name: x, context: {cluster: c, namespace: team}}]\n"
        "current-context: x\n"
    )
    async with open_cluster(ClusterSpec(kubeconfig=str(path))) as cluster:
        assert cluster.namespace == "team"


async def test_every_missing_right_is_named_at_once():
    async with FakeApi().serving() as api, Cluster(api.config()) as cluster:
        await require(cluster, "demo", CONNECT)
        api.denied = {("create", "deployments", "demo"), ("list", "services", "demo")}
        with pytest.raises(Forbidden) as caught:
            await require(cluster, "demo", CONNECT)
    assert str(caught.value).splitlines() == [
        "you may not",
        "  create deployments.apps in namespace demo",
        "  list services in namespace demo",
    ]
    assert "`ktctl rbac print connect -n demo` prints the Role" in caught.value.hint


async def test_nothing_is_asked_for_in_a_namespace_that_is_not_there():
    async with FakeApi().serving() as api, Cluster(api.config()) as cluster:
        with pytest.raises(UsageError, match="there is no namespace nix"):
            await require(cluster, "nix", CONNECT)
        api.denied = {("get", "namespaces", "")}
        await require(cluster, "nix", CONNECT)  # who may not look finds out in time


def test_a_namespace_that_does_not_exist_is_a_wrong_call_where_that_can_be_known():
    require_namespace(ClusterFacts(namespaces=("demo", "shop")), "shop")
    require_namespace(ClusterFacts(), "shop")
    hidden = (Right("list", "", "namespaces"),)
    require_namespace(ClusterFacts(namespaces=("demo",), missing_rights=hidden), "shop")
    with pytest.raises(UsageError, match="no namespace shop"):
        require_namespace(ClusterFacts(namespaces=("demo",)), "shop")
