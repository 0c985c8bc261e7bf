"""What a session's Service says of its share, and what others may have written there."""

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.rules.test_order import share

from ktconnect.rules.model import ANNOTATION, Share, share_note, share_of, shares_of

ANN = share("ann", "header:version=ann,path:/api", "sni:ann.test", ports=(80, 443))


def service(given: Share, note: str | None = None) -> dict[str, Any]:
    return {
        "metadata": {
            "name": given.service,
            "creationTimestamp": given.since,
            "annotations": {ANNOTATION: share_note(given) if note is None else note},
        },
        "spec": {"clusterIP": given.address},
    }


@pytest.mark.parametrize(
    "given",
    [
        ANN,
        replace(ANN, leaving=True),
        share("m", "path:/", kind="mirror", percent=12.5),
        share("x", "path:/", kind="exchange"),
    ],
)
def test_a_share_reads_back_as_it_was_written(given):
    assert share_of(service(given)) == given


def test_the_oldest_comes_first_and_of_the_same_age_the_name_decides():
    bob, old = share("bob"), share("zoe", since="2025-01-01T00:00:00Z")
    listed = [service(each) for each in (bob, ANN, old)]
    assert shares_of([*listed, {"metadata": {"name": "web"}, "spec": {}}]) == (old, ANN, bob)


def test_what_is_being_deleted_has_none():
    gone = service(ANN)
    gone["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:01Z"
    assert share_of(gone) is None


def changed(**fields):
    return json.dumps(json.loads(share_note(ANN)) | fields)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "{",
        "[]",
        '"text"',
        "{}",
        "[" * 100_000,
        changed(kind="steal"),
        changed(matches=7),
        changed(matches=[[["header", "x"]]]),
        changed(matches=[[["body", "", "exact", "x"]]]),
        changed(matches=[[["header", "x", "almost", "x"]]]),
        changed(ports=["http"]),
        changed(ports=[float("inf")]),
        changed(percent="all"),
    ],
)
def test_what_can_not_be_read_is_passed_over(note):
    assert share_of(service(ANN, note)) is None


def test_what_later_versions_may_leave_out_has_a_default():
    told = json.loads(share_note(ANN))
    del told["percent"], told["leaving"]
    assert share_of(service(ANN, json.dumps(told))) == ANN


def test_a_service_that_has_no_address_yet_is_told_so():
    made = service(ANN)
    made["spec"] = {}
    assert share_of(made) == replace(ANN, address="")


def test_a_share_knows_which_service_it_stands_on():
    made = service(ANN)
    made["metadata"] = {**made["metadata"], "uid": "u1"}
    found = share_of(made)
    assert found is not None
    assert found.uid == "u1"
    assert found == share_of(service(ANN))
    assert "u1" not in share_note(found)
