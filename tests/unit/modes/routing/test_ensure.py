import pytest
from tests.unit.modes.inbound import in_shop

from ktconnect.errors import Conflict
from ktconnect.modes.routing import ensure
from ktconnect.modes.routing.ensure import Ensured, NotOurs, covers, owned_by

OWNER = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "name": "kt-router-web"}
OURS = {**OWNER, "uid": "now"}
EARLIER = {**OWNER, "uid": "before"}
FILES = ("v1/ConfigMap", "shop", "files")


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(ensure, "AGAIN", 0)


def files(text="a", owner=OURS, revision="1"):
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "files",
            "namespace": "shop",
            "ownerReferences": [owner] if owner else [],
            "annotations": {"kt-revision": revision},
        },
        "data": {"x": text},
    }


async def test_what_is_missing_is_made_and_what_is_right_is_left():
    async with in_shop() as (api, cluster, _):
        ensured = Ensured(cluster)
        made, changed = await ensured.there(files(), OURS, None)
        assert changed
        version = api.objects[FILES]["metadata"]["resourceVersion"]
        _, changed = await ensured.there(files(), OURS, made)
        assert not changed
        assert api.objects[FILES]["metadata"]["resourceVersion"] == version


async def test_what_somebody_edited_is_put_right_again_and_again():
    async with in_shop() as (api, cluster, _):
        ensured = Ensured(cluster)
        await ensured.there(files(), OURS, None)
        for edited in ({"x": "b"}, {"x": "a", "more": "c"}, {"x": "b"}):
            found = api.put({**files(), "data": edited})
            _, changed = await ensured.there(files(), OURS, found)
            assert changed
            assert api.objects[FILES]["data"] == {"x": "a"}


async def test_what_is_wanted_next_is_written_though_the_last_wish_was_granted():
    """Else a router would keep the files that it was given first."""
    async with in_shop() as (api, cluster, _):
        ensured = Ensured(cluster)
        found, _ = await ensured.there(files("a"), OURS, None)
        for text in ("b", "a", "b"):
            found, changed = await ensured.there(files(text, revision=text), OURS, found)
            assert changed
            assert api.objects[FILES]["data"] == {"x": text}
            assert api.objects[FILES]["metadata"]["annotations"]["kt-revision"] == text


async def test_what_the_cluster_insists_on_is_not_fought_over():
    async with in_shop() as (api, cluster, _):
        ensured = Ensured(cluster)
        await ensured.there(files(), OURS, None)
        real = api.put
        api.put = lambda manifest: real({**manifest, "data": {"x": "admitted"}})
        found = api.put(files())
        new, changed = await ensured.there(files(), OURS, found)
        assert changed
        _, changed = await ensured.there(files(), OURS, new)
        assert not changed


async def test_a_faster_one_wins_and_nothing_newer_is_overwritten_with_one_try():
    async with in_shop() as (api, cluster, _):
        ensured = Ensured(cluster)
        found, _ = await ensured.there(files(), OURS, None)
        api.put(files("newer"))
        with pytest.raises(Conflict):
            await ensured.there(files("late"), OURS, found, tries=1)
        assert api.objects[FILES]["data"] == {"x": "newer"}
        with pytest.raises(Conflict):
            await ensured.there(files("late"), OURS, None, tries=1)
        _, changed = await ensured.there(files("late"), OURS, found)
        assert changed
        assert api.objects[FILES]["data"] == {"x": "late"}


async def test_what_an_earlier_lease_left_is_made_anew():
    async with in_shop() as (api, cluster, _):
        found = api.put(files(owner=EARLIER))
        made, changed = await Ensured(cluster).there(files(), OURS, found)
        assert changed
        assert owned_by(made, OURS)
        assert made["metadata"]["uid"] != found["metadata"]["uid"]


async def test_what_is_somebody_elses_is_never_touched():
    async with in_shop() as (api, cluster, _):
        found = api.put(files(owner=None))
        with pytest.raises(NotOurs, match="ConfigMap files in namespace shop that is not ours"):
            await Ensured(cluster).there(files(), OURS, found)
        assert api.objects[FILES]["metadata"]["uid"] == found["metadata"]["uid"]


async def test_only_the_very_object_is_deleted():
    async with in_shop() as (api, cluster, _):
        ensured = Ensured(cluster)
        found = api.put(files())
        await ensured.remove(
            "v1/ConfigMap", {**found, "metadata": {**found["metadata"], "uid": "x"}}
        )
        assert FILES in api.objects
        await ensured.remove("v1/ConfigMap", found)
        assert FILES not in api.objects


@pytest.mark.parametrize(
    ("found", "wanted", "fine"),
    [
        ({"a": 1, "added": 2}, {"a": 1}, True),
        ({"a": 2}, {"a": 1}, False),
        ({}, {"a": 1}, False),
        ([{"a": 1, "b": 2}], [{"a": 1}], True),
        ([{"a": 1}, {"a": 2}], [{"a": 1}], False),
        (None, {"a": 1}, False),
        ("x", "x", True),
    ],
)
def test_what_the_server_adds_is_no_difference(found, wanted, fine):
    assert covers(found, wanted) is fine
