from datetime import timedelta

from tests.unit.sessions.world import in_cluster, put_lease, put_router, put_user

from ktconnect.objects.session import LEASE, record_of
from ktconnect.sessions.dead import dead_sessions, left_behind


def names(records):
    return [record.name for record in records]


async def test_the_dead_are_those_silent_for_longer_than_they_may():
    async with in_cluster() as (api, cluster):
        put_lease(api, 30, "alive")
        put_lease(api, 90, "dead")
        put_lease(api, 2, "killed")
        uid = api.objects[LEASE, "demo", "killed"]["metadata"]["uid"]
        found = await dead_sessions(cluster, "demo", gone={uid})
        assert [record.name for record in found] == ["dead", "killed"]
        assert await dead_sessions(cluster, "", silence=timedelta(minutes=5)) == []


async def test_what_is_shared_is_as_dead_as_all_who_share_it():
    async with in_cluster() as (api, cluster):
        put_router(api, 1)  # the last to renew it was one who was killed just now
        uid = put_user(api, 1, "ann")["metadata"]["uid"]
        put_user(api, 90, "bob")
        assert names(await dead_sessions(cluster, "")) == ["kt-mesh-web-bob"]
        found = await dead_sessions(cluster, "demo", gone={uid})
        assert names(found) == ["kt-mesh-web-ann", "kt-mesh-web-bob", "kt-router-web"]
        quiet = timedelta(minutes=5)
        assert await dead_sessions(cluster, "demo", silence=quiet) == []
        assert names(await dead_sessions(cluster, "", silence=quiet, gone={uid})) == [
            "kt-mesh-web-ann"
        ]


async def test_while_one_lives_it_is_alive_even_if_nobody_has_renewed_it():
    async with in_cluster() as (api, cluster):
        put_router(api, 90)
        put_user(api, 1, "ann")
        assert await dead_sessions(cluster, "demo") == []


async def test_what_sessions_leave_behind_is_found_by_what_they_say_of_it():
    async with in_cluster() as (api, cluster):
        put_router(api, 1)
        ann = record_of(put_user(api, 1, "ann"))
        alone = record_of(put_lease(api, 1))
        assert await left_behind(cluster, [ann, alone]) == []
        found = await left_behind(cluster, [ann, alone], {ann.uid})
        assert names(found) == ["kt-router-web"]
        assert await left_behind(cluster, [alone], {ann.uid, alone.uid}) == []
        api.remove(LEASE, ann.name, "demo")
        assert names(await left_behind(cluster, [ann])) == ["kt-router-web"]
        assert names(await left_behind(cluster, found)) == ["kt-router-web"]
