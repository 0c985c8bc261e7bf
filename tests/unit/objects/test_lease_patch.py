from datetime import UTC, datetime

from ktconnect.apply.change import Entry
from ktconnect.objects.lease_patch import departing, journalling, renewal, taking
from ktconnect.objects.session import journal_text

NOW = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
ENTRY = Entry("kube", "v1/Service/demo/web#/spec/selector", {"app": "web"}, {"app": "agent"})


def test_a_renewal_touches_one_field():
    assert renewal(NOW) == [
        {"op": "replace", "path": "/spec/renewTime", "value": "2026-01-02T03:04:05.000678Z"}
    ]


def test_patches_fit_only_the_lease_that_is_meant():
    only = {"op": "test", "path": "/metadata/uid", "value": "u-1"}
    unchanged = {"op": "test", "path": "/metadata/resourceVersion", "value": "7"}
    assert renewal(NOW, "u-1")[0] == only
    write = journalling([ENTRY], "u-1")
    assert write[0] == only
    assert write[1]["value"] == journal_text([ENTRY])
    assert taking("bob@desk", "u-1")[0] == only
    assert taking("bob@desk", "u-1", "7")[:2] == [only, unchanged]
    assert taking("bob@desk", "u-1")[-1]["path"] == "/metadata/annotations/kt-taken-by"


def test_who_is_about_to_end_says_so_on_his_own_lease():
    only, note = departing("u-1")
    assert only == {"op": "test", "path": "/metadata/uid", "value": "u-1"}
    assert (note["path"], note["value"]) == ("/metadata/annotations/kt-leaving", "true")
