import json
from typing import Any

import pytest
from tests.unit.kube.fakeanswers import Answer

from ktconnect.apply.change import Change
from ktconnect.errors import Conflict
from ktconnect.kube.backend import DIGEST, KubeBackend, Live, digest_of, stamped
from ktconnect.kube.client import Cluster

KEY = "v1/Service/demo/web"
FIELD = f"{KEY}#/spec/selector"
NOTE = f"{KEY}#/metadata/annotations/kt-selector"


def service(**spec: Any) -> dict[str, Any]:
    metadata = {"name": "web", "namespace": "demo"}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


@pytest.fixture
def backend(cluster: Cluster) -> KubeBackend:
    return KubeBackend(cluster)


async def test_an_object_of_ours_equals_its_manifest_whatever_the_server_added(backend):
    manifest = service(selector={"a": "b"})
    await backend.write(KEY, manifest, expected=None)
    now = await backend.read(KEY)
    assert now["spec"]["defaulted"] is True
    assert now == manifest
    assert manifest == now
    assert now in (None, manifest)
    assert now != service(selector={"other": "one"})
    assert now not in (None, 5)


async def test_what_was_read_can_be_kept_as_json_and_recognised(backend):
    manifest = service()
    await backend.write(KEY, manifest, expected=None)
    now = await backend.read(KEY)
    kept = json.loads(json.dumps(now))
    assert now == kept
    assert "uid" not in kept["metadata"]


async def test_a_foreign_object_equals_only_itself(api, backend):
    api.put(service(selector={"a": "b"}))
    now = await backend.read(KEY)
    assert now == service(selector={"a": "b"})
    assert now != service(selector={"a": "c"})
    assert now == await backend.read(KEY)


async def test_nothing_is_read_where_nothing_is(backend):
    assert await backend.read(KEY) is None
    assert await backend.read(FIELD) is None


async def test_an_object_is_deleted_as_the_one_that_was_seen(api, backend):
    await backend.write(KEY, service(), expected=None)
    seen = await backend.read(KEY)
    api.remove("v1/Service", "web", "demo")
    api.put(service())
    with pytest.raises(Conflict):
        await backend.write(KEY, None, expected=seen)
    api.remove("v1/Service", "web", "demo")
    await backend.write(KEY, None, expected=seen)


async def test_an_object_may_be_expected_by_its_manifest(api, backend):
    manifest = service()
    await backend.write(KEY, manifest, expected=None)
    with pytest.raises(Conflict, match="no longer as it was expected"):
        await backend.write(KEY, None, expected=service(other=1))
    await backend.write(KEY, None, expected=manifest)
    assert api.objects == {}
    with pytest.raises(Conflict, match="no longer as it was expected"):
        await backend.write(KEY, None, expected=manifest)
    await backend.write(KEY, None, expected=None)


async def test_making_what_is_there_already_is_a_conflict(api, backend):
    api.put(service())
    with pytest.raises(Conflict):
        await backend.write(KEY, service(), expected=None)


async def test_an_object_of_ours_is_replaced_by_compare_and_swap(api, backend):
    await backend.write(KEY, service(v=1), expected=None)
    one = await backend.read(KEY)
    await backend.write(KEY, service(v=2), expected=one)
    assert await backend.read(KEY) == service(v=2)
    with pytest.raises(Conflict):
        await backend.write(KEY, service(v=3), expected=one)
    await backend.write(KEY, json.loads(json.dumps(one)), expected=service(v=2))
    assert await backend.read(KEY) == service(v=1)


async def test_a_foreign_object_is_never_replaced(api, backend):
    api.put(service())
    seen = await backend.read(KEY)
    with pytest.raises(Conflict, match="is not ours"):
        await backend.write(KEY, service(v=2), expected=seen)


async def test_a_field_is_set_and_set_back(api, backend):
    api.put(service(selector={"a": "b"}))
    assert await backend.read(FIELD) == {"a": "b"}
    await backend.write(FIELD, {"kt": "x"}, expected={"a": "b"})
    assert await backend.read(FIELD) == {"kt": "x"}
    await backend.write(FIELD, {"a": "b"}, expected={"kt": "x"})
    assert api.objects["v1/Service", "demo", "web"]["spec"] == {"selector": {"a": "b"}}


async def test_a_field_that_is_not_there_is_made_and_removed(api, backend):
    api.put(service())
    await backend.write(NOTE, "before", expected=None)
    assert await backend.read(NOTE) == "before"
    await backend.write(NOTE, None, expected="before")
    assert await backend.read(NOTE) is None


async def test_a_field_that_someone_else_changed_is_left_alone(api, backend):
    api.put(service(selector={"theirs": "1"}))
    with pytest.raises(Conflict, match="was changed by someone else"):
        await backend.write(FIELD, {"kt": "x"}, expected={"a": "b"})


async def test_a_change_elsewhere_in_the_object_is_no_conflict(api, backend):
    old = api.put(service())
    api.put(service(ports=[1]))
    api.next_answers = [Answer(body=old)]
    await backend.write(NOTE, "before", expected=None)
    assert await backend.read(NOTE) == "before"


async def test_an_object_that_never_stands_still_is_given_up(api, backend):
    old = api.put(service())
    api.put(service(ports=[1]))
    conflict = Answer(409, {"message": "changed"})
    api.next_answers = [Answer(body=old), conflict] * 9
    with pytest.raises(Conflict, match="changed"):
        await backend.write(NOTE, "before", expected=None)


async def test_a_field_of_an_object_that_is_gone(backend):
    await backend.write(FIELD, None, expected={"a": "b"})
    with pytest.raises(Conflict, match="does not exist any more"):
        await backend.write(FIELD, {"a": "b"}, expected=None)


def test_a_digest_does_not_depend_on_order_and_is_not_replaced():
    assert digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})
    once = stamped(service())
    assert stamped(once) == once
    assert once["metadata"]["annotations"] == {DIGEST: digest_of(service())}


def test_live_objects_are_compared_with_mappings_only():
    live = Live({"metadata": {"uid": "u", "resourceVersion": "1"}, "status": {}})
    assert live != "text"
    assert live == {"metadata": {}}
    assert (live.uid, live.version) == ("u", "1")


async def test_it_serves_the_engine_of_reversible_changes(api, backend):
    change = Change("kube", KEY, service())
    before = await backend.read(change.key)
    await backend.write(change.key, change.after, expected=before)
    now = await backend.read(change.key)
    assert now == change.after
    await backend.write(change.key, before, expected=now)
    assert api.objects == {}


SCALE = "apps/v1/Deployment/demo/web/scale#/spec/replicas"


async def test_replicas_are_set_through_the_scale_subresource_and_0_is_a_number(api, backend):
    web = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": service()["metadata"]}
    api.put({**web, "spec": {"replicas": 3}})
    assert await backend.read(SCALE) == 3
    await backend.write(SCALE, 0, expected=3)
    assert await backend.read(SCALE) == 0
    with pytest.raises(Conflict, match="was changed by someone else"):
        await backend.write(SCALE, 3, expected=2)
    await backend.write(SCALE, 3, expected=0)
    assert api.objects["apps/v1/Deployment", "demo", "web"]["spec"] == {"replicas": 3}
