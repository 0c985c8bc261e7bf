import json
from datetime import UTC, datetime, timedelta

import pytest

from ktconnect.apply.change import Entry
from ktconnect.objects.session import (
    Session,
    label_value,
    lease,
    owner,
    record_of,
    renew_seconds,
)

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
    assert record_of(lease(SESSION, NOW, {})).is_alive(NOW + timedelta(seconds=age)) is alive


def test_a_longer_grace_can_be_given():
    late = NOW + timedelta(seconds=100)
    assert record_of(lease(SESSION, NOW, {})).is_alive(late, timedelta(minutes=5))


def test_a_lease_that_was_never_renewed_is_dead():
    assert not record_of({"spec": {}}).is_alive(NOW)


def test_an_owner_reference_names_the_uid():
    stored = lease(SESSION, NOW, {})
    stored["metadata"]["uid"] = "u-1"
    assert owner(stored) == {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "name": "kt-connect-shadow-abcde",
        "uid": "u-1",
    }


ENTRY = Entry("kube", "v1/Service/demo/web#/spec/selector", {"app": "web"}, {"app": "agent"})


def test_what_a_lease_says_is_read_back():
    config = {"mode": "exchange", "target": "service/web", "ports": ["8080:80", 81]}
    stored = lease(SESSION, NOW, config, [ENTRY], restore_after=4.2)
    stored["metadata"] |= {"uid": "u-1", "resourceVersion": "7"}
    record = record_of(stored)
    assert (record.name, record.namespace, record.uid, record.version) == (
        "kt-connect-shadow-abcde",
        "demo",
        "u-1",
        "7",
    )
    assert (record.mode, record.target, record.ports) == (
        "exchange",
        "service/web",
        ("8080:80", "81"),
    )
    assert (record.holder, record.role, record.taken_by) == ("ann@laptop", "mine", "")
    assert record.journal == (ENTRY,)
    assert record.since == record.renewed == NOW.replace(microsecond=678)
    assert record.duration == timedelta(seconds=5)


@pytest.mark.parametrize(
    "foreign",
    [
        {},
        {"metadata": None, "spec": None},
        {"metadata": {"annotations": [], "labels": "x"}, "spec": []},
        {"metadata": {"annotations": {"kt-config": "[]"}}, "spec": {"renewTime": 7}},
        {"metadata": {"annotations": {"kt-config": "{"}}, "spec": {"renewTime": "soon"}},
        {"spec": {"leaseDurationSeconds": -1}},
        {"spec": {"leaseDurationSeconds": "long", "acquireTime": None}},
    ],
)
def test_a_lease_of_another_program_reads_as_unknown(foreign):
    record = record_of(foreign)
    assert (record.mode, record.target, record.ports) == ("", "", ())
    assert (record.holder, record.journal) == ("unknown", ())
    assert record.duration == timedelta(seconds=60)
    assert not record.is_alive(NOW)


@pytest.mark.parametrize(
    "text", ["{", "7", "[7]", '[{"key": "a"}]', '[{"system":1,"key":"a","before":1,"after":2}]']
)
def test_a_journal_that_can_not_be_read_is_not_taken_for_an_empty_one(text):
    assert record_of({"metadata": {"annotations": {"kt-journal": text}}}).journal is None


def test_a_time_without_a_zone_is_the_servers():
    record = record_of({"spec": {"renewTime": "2026-01-02T03:04:05"}})
    assert record.renewed == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_a_session_that_may_be_silent_for_little_is_renewed_more_often():
    assert renew_seconds(60) == 15
    assert renew_seconds(600) == 15
    assert renew_seconds(10) == 2.5


def test_a_name_too_long_for_a_label_keeps_its_start_and_stays_its_own():
    assert label_value("kt-exchange-web") == "kt-exchange-web"
    long, other = label_value("a" * 70), label_value("a" * 71)
    assert len(long) == 63
    assert long != other
    session = Session("kt-exchange-" + "s" * 63, "demo", "shadow-exchange", "ann@laptop")
    assert len(lease(session, NOW, {})["metadata"]["labels"]["kt-session"]) == 63
