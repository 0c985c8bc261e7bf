import json
from datetime import UTC, datetime, timedelta

import pytest

from ktconnect.objects.session import Session, is_alive, lease, owner, renewal

NOW = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
SESSION = Session(
    "kt-connect-shadow-abcde",
    "demo",
    "shadow-connect",
    "ann@laptop",
    labels=(("team", "blue"), ("kt-role", "mine"), ("kt-session", "mine")),
    annotations=(("why", "test"),),
)


def test_the_lease_says_who_what_and_since_when():
    manifest = lease(SESSION, NOW, {"b": "2", "a": "1"})
    assert manifest["spec"] == {
        "holderIdentity": "ann@laptop",
        "leaseDurationSeconds": 60,
        "acquireTime": "2026-01-02T03:04:05.000678Z",
        "renewTime": "2026-01-02T03:04:05.000678Z",
    }
    assert json.loads(manifest["metadata"]["annotations"]["kt-config"]) == {"a": "1", "b": "2"}
    assert manifest["metadata"]["annotations"]["kt-user"] == "ann@laptop"


def test_labels_of_the_user_win_over_ours_but_for_the_one_that_finds_a_session():
    labels = SESSION.metadata("x")["labels"]
    assert labels == {
        "control-by": "kt",
        "kt-role": "mine",
        "kt-session": "kt-connect-shadow-abcde",
        "team": "blue",
    }


@pytest.mark.parametrize(("age", "alive"), [(0, True), (59, True), (60, False), (3600, False)])
def test_a_session_is_alive_until_its_lease_runs_out(age, alive):
    assert is_alive(lease(SESSION, NOW, {}), NOW + timedelta(seconds=age)) is alive


def test_a_longer_grace_can_be_given():
    late = NOW + timedelta(seconds=100)
    assert is_alive(lease(SESSION, NOW, {}), late, timedelta(minutes=5))


def test_a_lease_that_was_never_renewed_is_dead():
    assert not is_alive({"spec": {}}, NOW)


def test_a_renewal_touches_one_field():
    assert renewal(NOW) == [
        {"op": "replace", "path": "/spec/renewTime", "value": "2026-01-02T03:04:05.000678Z"}
    ]


def test_an_owner_reference_names_the_uid():
    stored = lease(SESSION, NOW, {})
    stored["metadata"]["uid"] = "u-1"
    assert owner(stored) == {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "name": "kt-connect-shadow-abcde",
        "uid": "u-1",
    }
