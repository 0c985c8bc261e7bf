from bench.rows import rows
from bench.users import USERS, measures, user_service, users_of

from ktconnect.rules.model import shares_of


def test_each_of_many_users_is_one_that_a_router_knows():
    shares = shares_of(map(user_service, range(USERS)))
    assert len({share.service for share in shares}) == USERS
    assert len({share.mark for share in shares}) == USERS
    assert {share.ports for share in shares} == {(8080,)}
    assert all(share.service.startswith("beside-kt-mesh-") for share in shares)


def test_users_are_counted_by_their_clusters():
    told = [
        "beside-kt-mesh-user1|8080::observability_name::beside-kt-mesh-user1|8080",
        "beside-kt-mesh-user1|8080::10.96.0.7:8080::weight::1",
        "beside-kt-mesh-user2|8080::10.96.0.8:8080::weight::1",
        "origin|8080::10.96.0.9:8080::weight::1",
    ]
    assert users_of("\n".join(told)) == 2


def test_every_value_has_a_row():
    assert [measure.name for measure in measures()] == ["mesh-users@0"]
    assert {row.key for row in rows() if row.key.startswith("users-")} == {
        "users-1@0",
        f"users-{USERS}@0",
    }
