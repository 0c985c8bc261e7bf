import pytest
from tests.unit.kube.fakeanswers import Answer
from tests.unit.modes.inbound import SERVICE, in_shop
from tests.unit.modes.routing.sharing import sharer

from ktconnect.errors import UsageError
from ktconnect.modes.routing.auto import choice, mesh_driver, sidecar_labels
from ktconnect.rules.meshes import Choice, Mesh

ISTIO = "/apis/networking.istio.io/v1"
GATEWAY = "/apis/gateway.networking.k8s.io/v1"
CLASSES = f"{GATEWAY}/gatewayclasses"


def serves(api, path, *plurals):
    body = {"resources": [{"name": each} for each in plurals]}
    api.routes[path] = lambda _: Answer(body=body)


def pod(*containers, **labels):
    spec = {"containers": [{"name": name} for name in containers]}
    return {"metadata": {"name": "web-1", "labels": labels}, "spec": spec}


def namespace(api, **labels):
    named = {key.replace("_", "-"): value for key, value in labels.items()}
    metadata = {"name": "shop", "labels": named}
    api.put({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})


async def chosen(api, cluster, *pods, asked="auto"):
    return await choice(cluster, api.objects[SERVICE, "shop", "web"], list(pods), asked)


async def test_without_rules_in_the_api_it_is_the_router():
    async with in_shop() as (api, cluster, _):
        found = await chosen(api, cluster, pod("istio-proxy"))
        assert found.driver == "router"
        assert "the cluster has no virtualservices" in found.why
        with pytest.raises(UsageError, match="Istio is not there"):
            await chosen(api, cluster, asked="istio")


async def test_where_istio_is_it_is_istio():
    async with in_shop() as (api, cluster, _):
        serves(api, ISTIO, "destinationrules", "virtualservices")
        assert (await chosen(api, cluster, pod("istio-proxy"))).driver == "istio"
        assert (await chosen(api, cluster, pod("web"))).driver == "router"
        namespace(api, istio_injection="enabled")
        assert (await chosen(api, cluster, pod("web"))).driver == "istio"
        api.denied.add(("get", "namespaces", ""))
        assert (await chosen(api, cluster, pod("web"))).driver == "router"


async def test_a_version_of_the_api_without_the_kind_is_not_enough():
    async with in_shop() as (api, cluster, _):
        serves(api, ISTIO, "destinationrules")
        assert (await chosen(api, cluster, pod("istio-proxy"))).driver == "router"


async def test_who_may_not_write_rules_gets_a_router():
    async with in_shop() as (api, cluster, _):
        serves(api, ISTIO, "virtualservices")
        api.denied.add(("create", "virtualservices", "shop"))
        found = await chosen(api, cluster, pod("istio-proxy"))
        assert found.driver == "router"
        assert "you may not create virtualservices.networking.istio.io" in found.why


async def test_other_meshes_by_the_gateway_api():
    async with in_shop() as (api, cluster, _):
        serves(api, GATEWAY, "httproutes")
        assert (await chosen(api, cluster, pod("linkerd-proxy"))).driver == "gateway"
        assert (await chosen(api, cluster)).driver == "router"
        listed = {"items": [{"spec": {"controllerName": "io.cilium/gateway-controller"}}]}
        body = {"apiVersion": "v1", "kind": "List", "metadata": {}, **listed}
        api.routes[CLASSES] = lambda _: Answer(body=body)
        assert (await chosen(api, cluster)).driver == "gateway"


async def test_who_comes_later_joins_by_the_driver_that_is_there():
    async with in_shop() as (api, cluster, _):
        await sharer(api, cluster, driver="router")
        serves(api, ISTIO, "virtualservices")
        found = await chosen(api, cluster, pod("istio-proxy"))
        assert (found.driver, found.why) == ("router", "others share the Service by it already")
        assert (await chosen(api, cluster, asked="router")).driver == "router"
        with pytest.raises(UsageError, match="is shared by the router driver"):
            await chosen(api, cluster, asked="istio")


async def test_a_router_is_refused_where_only_mtls_is_taken():
    async with in_shop(ports=[{"name": "http", "port": 80}]) as (api, cluster, _):
        serves(api, ISTIO, "virtualservices")
        spec = {"mtls": {"mode": "STRICT"}}
        metadata = {"name": "all", "namespace": "istio-system"}
        version = "security.istio.io/v1"
        policy = {"apiVersion": version, "kind": "PeerAuthentication"}
        api.put({**policy, "metadata": metadata, "spec": spec})
        with pytest.raises(UsageError, match="mTLS alone"):
            await chosen(api, cluster, pod("istio-proxy"), asked="router")
        assert (await chosen(api, cluster, pod("istio-proxy"))).driver == "istio"


async def test_the_driver_that_was_chosen_is_made():
    async with in_shop() as (api, cluster, _):
        place = (await sharer(api, cluster)).seat
        driver = mesh_driver(Choice("istio", "so"), place)
        assert (driver.name, driver.why) == ("istio", "so")
        ambient = Mesh("ambient", "")
        assert mesh_driver(Choice("gateway", "so", mesh=ambient), place).name == "gateway"


def test_an_agent_gets_a_sidecar_as_the_pods_have():
    own = {"sidecar.istio.io/inject": "true", "app": "web"}
    assert sidecar_labels([pod("web"), pod("web", **own)]) == (("sidecar.istio.io/inject", "true"),)
    assert sidecar_labels([pod("web")]) == ()
