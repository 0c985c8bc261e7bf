from tests.unit.kube.fakeanswers import Answer, denied
from tests.unit.modes.explain.seeing import VIRTUAL, listed, shared

from ktconnect.modes.explain.seen import look, router_name


async def looked(api, cluster, caller="shop"):
    return await look(cluster, api.objects["v1/Service", "shop", "web"], caller)


async def test_all_that_has_a_part_is_read():
    async with shared() as (api, cluster, _):
        found = await looked(api, cluster)
    assert (found.name, found.namespace) == ("web", "shop")
    assert len(found.services) == 3
    assert found.router is not None
    assert [each.name for each in found.records] == ["kt-mesh-web-ci"]
    assert list(found.spaces) == ["shop"]
    assert found.unseen == []


async def test_rules_of_the_whole_cluster_are_read_in_the_version_that_is_served():
    rule = {"metadata": {"name": "web", "namespace": "other"}, "spec": {}}
    async with shared() as (api, cluster, _):
        api.routes[VIRTUAL] = lambda _: Answer(404, b"404 page not found")
        api.routes[VIRTUAL.replace("v1/", "v1beta1/")] = listed(rule)
        found = await looked(api, cluster)
    assert [each["metadata"]["name"] for each in found.virtual_services] == ["web"]
    assert found.destination_rules == []


async def test_what_may_not_be_read_is_said_and_the_rest_is_explained():
    rights = ("services", "endpointslices", "pods", "leases")
    async with shared() as (api, cluster, _):
        api.denied = {("list", each, "shop") for each in rights}
        api.denied |= {("get", "namespaces", ""), ("get", "configmaps", "shop")}
        api.routes[VIRTUAL] = lambda _: denied("list", "virtualservices", "")
        below = VIRTUAL.replace("virtual", "namespaces/shop/virtual")
        api.routes[below] = lambda _: denied("list", "virtualservices", "shop")
        found = await looked(api, cluster)
    told = " ".join(found.unseen)
    for each in (*rights, "namespaces", "configmaps", "virtualservices"):
        assert each in told
    assert found.services == []
    assert not found.sessions_seen


def test_the_routers_name_is_kt_connects():
    assert router_name("web") == "web-kt-router"
