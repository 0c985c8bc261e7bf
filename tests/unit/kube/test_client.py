from typing import Any

import pytest
from tests.unit.kube.fakeanswers import Answer

from ktconnect.errors import Conflict, Forbidden, UsageError
from ktconnect.kube.failures import AlreadyExists, NotFound
from ktconnect.kube.paths import Resource


def config_map(name: str = "m", **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "demo"},
        "data": data,
    }


async def test_an_object_is_created_read_and_deleted(cluster):
    made = await cluster.create(config_map(a="1"))
    assert (await cluster.get("v1/ConfigMap", "m", "demo"))["data"] == {"a": "1"}
    assert await cluster.delete("v1/ConfigMap", "m", "demo", uid=made["metadata"]["uid"])
    assert await cluster.find("v1/ConfigMap", "m", "demo") is None


async def test_who_we_are_and_who_manages_is_sent_along(api, cluster):
    await cluster.create(config_map())
    assert api.asked[0].headers["authorization"] == "Bearer secret"
    assert api.asked[0].query == {"fieldManager": "ktctl"}


async def test_creating_twice_is_a_conflict(cluster):
    await cluster.create(config_map())
    with pytest.raises(AlreadyExists, match="configmaps/m in namespace demo"):
        await cluster.create(config_map())


async def test_a_list_gathers_all_pages_and_gives_each_item_its_kind(api, cluster):
    api.page_size = 2
    for number in range(5):
        api.put(config_map(f"m{number}"))
    found = await cluster.list("v1/ConfigMap", "demo")
    assert [item["metadata"]["name"] for item in found] == [f"m{n}" for n in range(5)]
    assert (found[0]["kind"], found[0]["apiVersion"]) == ("ConfigMap", "v1")


async def test_a_list_may_be_limited_and_selected(api, cluster):
    api.page_size = 2
    for number in range(5):
        api.put(config_map(f"m{number}"))
    assert len(await cluster.list("v1/ConfigMap", most=2)) == 2
    labelled = config_map("x")
    labelled["metadata"]["labels"] = {"a": "b"}
    api.put(labelled)
    (found,) = await cluster.list("v1/ConfigMap", "demo", labels="a=b")
    (same,) = await cluster.list("v1/ConfigMap", "demo", fields="metadata.name=x")
    assert found == same


async def test_replace_is_compare_and_swap(api, cluster):
    old = api.put(config_map(a="1"))
    await cluster.replace({**old, "data": {"a": "2"}})
    with pytest.raises(Conflict):
        await cluster.replace({**old, "data": {"a": "3"}})


async def test_a_list_is_a_json_patch_and_a_mapping_a_merge_patch(api, cluster):
    api.put(config_map(a="1"))
    step = {"op": "replace", "path": "/data/a", "value": "2"}
    assert (await cluster.patch("v1/ConfigMap", "m", [step], "demo"))["data"] == {"a": "2"}
    merged = await cluster.patch("v1/ConfigMap", "m", {"data": {"b": "3"}}, "demo")
    assert merged["data"] == {"a": "2", "b": "3"}


async def test_a_test_that_does_not_hold_is_a_conflict(api, cluster):
    api.put(config_map(a="1"))
    with pytest.raises(Conflict, match="does not hold"):
        await cluster.patch(
            "v1/ConfigMap", "m", [{"op": "test", "path": "/data/a", "value": "2"}], "demo"
        )


async def test_deleting_what_is_gone_is_fine_unless_said_otherwise(cluster):
    assert not await cluster.delete("v1/ConfigMap", "m", "demo")
    with pytest.raises(NotFound, match="does not exist"):
        await cluster.delete("v1/ConfigMap", "m", "demo", missing_ok=False)


async def test_only_the_object_of_that_uid_is_deleted(api, cluster):
    api.put(config_map())
    with pytest.raises(Conflict):
        await cluster.delete("v1/ConfigMap", "m", "demo", uid="another")


async def test_only_the_state_of_that_version_is_deleted(api, cluster):
    seen = api.put(config_map())["metadata"]["resourceVersion"]
    now = api.put(config_map())["metadata"]["resourceVersion"]
    with pytest.raises(Conflict):
        await cluster.delete("v1/ConfigMap", "m", "demo", version=seen)
    assert await cluster.delete("v1/ConfigMap", "m", "demo", version=now)


async def test_a_denied_verb_is_named(api, cluster):
    api.denied.add(("list", "pods", "demo"))
    with pytest.raises(Forbidden, match=r"no right to list pods in namespace demo \(user dev\)"):
        await cluster.list("v1/Pod", "demo")


async def test_missing_rights_are_found_before_they_are_needed(api, cluster):
    api.denied.add(("get", "pods", "demo"))
    rights = [("get", "", "pods", "demo"), ("list", "", "pods", "demo")]
    (missing,) = await cluster.allowed(rights)
    assert str(missing) == "get pods in namespace demo"


async def test_logs_are_text(api, cluster):
    def log(asked):
        return Answer(body=f"{asked.query}".encode())

    api.routes["/api/v1/namespaces/demo/pods/p/log"] = log
    text = await cluster.logs("p", "demo", container="c", tail=5, previous=True)
    assert text == "{'container': 'c', 'tailLines': '5', 'previous': 'true'}"


async def test_the_version_is_a_pair_of_numbers_and_a_text(cluster):
    assert await cluster.version() == ((1, 36), "v1.36.3")


async def test_the_servers_time_is_asked_for_once_in_a_while(api, cluster):
    api.now = 5_000_000.0
    assert 5_000_000 <= await cluster.server_time() < 5_000_005
    await cluster.server_time()
    assert len(api.asked) == 1


async def test_a_kind_of_the_users_own_works_too(api, cluster):
    api.routes["/apis/example.org/v1/namespaces/demo/widgets/w"] = lambda asked: Answer(body={})
    assert await cluster.get(Resource("example.org", "v1", "widgets"), "w", "demo") == {}
    with pytest.raises(UsageError, match="unknown kind"):
        await cluster.get("example.org/v1/Widget", "w", "demo")


async def test_the_namespace_is_that_of_the_context(cluster):
    assert cluster.namespace == "default"
