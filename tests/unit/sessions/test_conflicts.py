from dataclasses import replace

import pytest
from tests.unit.sessions.world import MOMENT

from ktconnect.objects.session import Session, lease, record_of
from ktconnect.sessions.conflicts import SELECTOR, in_the_way, met_by
from ktconnect.sessions.shared_names import shared_session


def record(mode, target="service/web", **config):
    session = Session(f"kt-{mode}-x", "demo", f"shadow-{mode}", "ann@laptop")
    return record_of(lease(session, MOMENT, {"mode": mode, "target": target, **config}))


ROUTER = record_of(
    lease(shared_session("web", "demo"), MOMENT, {"mode": "router", "target": "service/web"})
)
ALL = [
    ROUTER,
    record("mesh"),
    record("mirror"),
    record("exchange"),
    record("exchange", "deployment/web", agent="web-kt-exchange-abcde"),
    record("mesh", "service/other"),
    record("exchange", "deployment/other", agent="other-kt-exchange-abcde"),
    record("preview"),
    record("forward"),
    record("connect", ""),
]


@pytest.mark.parametrize(
    ("mode", "found"),
    [
        ("exchange", ["router", "mesh", "mirror"]),
        ("mesh", ["exchange"]),
        ("mirror", ["exchange"]),
    ],
)
def test_who_takes_all_callers_and_who_shares_them_exclude_each_other(mode, found):
    way = in_the_way(ALL, mode, "web")
    assert [(each.mode, each.target) for each in way] == [(word, "service/web") for word in found]


@pytest.mark.parametrize("mode", ["exchange", "mesh", "mirror"])
def test_pods_that_somebody_has_replaced_are_nobody_elses(mode):
    way = in_the_way(ALL, mode, "web", {"web-kt-exchange-abcde"})
    assert "deployment/web" in {each.target for each in way}
    assert "deployment/other" not in {each.target for each in way}


def test_a_mirror_of_bytes_has_all_callers_as_an_exchange_has():
    raw = record("mirror", driver=SELECTOR)
    assert in_the_way([raw], "mesh", "web") == [raw]
    assert in_the_way([raw], "mirror", "web") == [raw]
    assert in_the_way([raw], "exchange", "web") == []  # which has the very same Lease


def met(own, *others):
    records = [replace(each, uid=str(number)) for number, each in enumerate((own, *others))]
    return [each.mode for each in met_by(records[0], "web", records)]


def test_two_who_begin_at_one_moment_meet_if_one_of_them_takes_all():
    raw = record("mirror", driver="selector")
    assert met(record("exchange"), ROUTER, record("mesh"), record("exchange")) == ["mesh"]
    assert met(record("mesh"), ROUTER, record("mirror"), record("exchange")) == ["exchange"]
    assert met(raw, ROUTER, record("mesh")) == ["mesh"]
    assert met(record("mesh"), raw) == ["mirror"]
    assert met(record("preview"), record("mesh"), record("exchange")) == []
