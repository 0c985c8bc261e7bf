from dataclasses import replace

from tests.unit.sessions.test_conflicts import record

from ktconnect.sessions.shared_names import participants, share_lease, shared_name, shared_session


def test_no_two_who_share_have_one_name():
    assert share_lease("web", "mesh", "a-b") == "kt-mesh-web.a-b"
    assert share_lease("web-a", "mesh", "b") == "kt-mesh-web-a.b"


def test_what_is_shared_is_nobodys_own():
    session = shared_session("web", "shop")
    assert (session.name, session.holder) == (shared_name("web"), "router")


def test_who_takes_part_names_it_and_is_of_the_same_namespace():
    one, other = record("mesh", shared="kt-router-web"), record("mesh")
    assert participants([one, other], one.namespace, "kt-router-web") == [one]
    assert participants([replace(one, namespace="other")], one.namespace, "kt-router-web") == []
