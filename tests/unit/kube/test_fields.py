from typing import Any

import pytest
from tests.unit.kube.fakeanswers import Answer

from ktconnect.errors import Conflict
from ktconnect.kube.fields import TRIES, FieldBackend

KEY = "v1/Service/demo/web#/spec/selector"
METADATA = {"name": "web", "namespace": "demo"}


def service(**spec):
    return {"apiVersion": "v1", "kind": "Service", "metadata": METADATA, "spec": spec}


@pytest.fixture
def backend(cluster):
    return FieldBackend(cluster)


async def test_a_field_is_set_if_it_is_as_expected(api, backend):
    api.put(service(selector={"a": "b"}, ports=[]))
    assert await backend.read(KEY) == {"a": "b"}
    await backend.write(KEY, {"c": "d"}, expected={"a": "b"})
    assert await backend.read(KEY) == {"c": "d"}
    with pytest.raises(Conflict, match="someone else"):
        await backend.write(KEY, {"e": "f"}, expected={"a": "b"})
    assert api.objects["v1/Service", "demo", "web"]["spec"] == {"selector": {"c": "d"}, "ports": []}


async def test_where_the_object_is_gone_so_is_the_field(backend):
    assert await backend.read(KEY) is None
    await backend.write(KEY, None, expected={"a": "b"})
    with pytest.raises(Conflict, match="does not exist any more"):
        await backend.write(KEY, {"a": "b"}, expected=None)


async def test_a_patch_that_keeps_missing_is_given_up(api, backend):
    api.put(service(selector={"a": "b"}))
    found = api.objects["v1/Service", "demo", "web"]
    message = "the server rejected our request due to an error in our request"

    def answer(asked):
        if asked.method == "GET":
            return Answer(body=found)
        return Answer(422, {"reason": "Invalid", "message": message})

    api.routes["/api/v1/namespaces/demo/services/web"] = answer
    with pytest.raises(Conflict):
        await backend.write(KEY, {"c": "d"}, expected={"a": "b"})
    assert sum(asked.method == "PATCH" for asked in api.asked) == TRIES


ROUTE = "networking.istio.io/v1/VirtualService/demo/web#/spec/http[name=kt-mesh-ci]"


def rules(api, *http):
    spec = {"hosts": ["web"], **({"http": list(http)} if http else {})}
    kind = {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService"}
    return api.put({**kind, "metadata": METADATA, "spec": spec})["spec"]


async def test_a_route_comes_and_goes_among_those_of_others(api, backend):
    def now():
        return api.objects["networking.istio.io/v1/VirtualService", "demo", "web"]["spec"]

    ours: dict[str, Any] = {"name": "kt-mesh-ci", "route": []}
    theirs: dict[str, Any] = {"route": [{}]}
    for own in ([theirs], []):
        before = rules(api, *own)
        await backend.write(ROUTE, ours, expected=None)
        assert now()["http"][0] == ours
        other = {"name": "kt-mesh-bob"}
        await backend.write(ROUTE.replace("ci", "bob"), other, expected=None)
        assert await backend.read(ROUTE) == ours
        await backend.write(ROUTE, {**ours, "timeout": "1s"}, expected=ours)
        assert now()["http"][:2] == [other, {**ours, "timeout": "1s"}]
        with pytest.raises(Conflict):
            await backend.write(ROUTE, None, expected=ours)
        await backend.write(ROUTE.replace("ci", "bob"), None, expected=other)
        await backend.write(ROUTE, None, expected={**ours, "timeout": "1s"})
        assert now() == before
