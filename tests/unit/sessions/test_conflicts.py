import pytest
from tests.unit.sessions.world import MOMENT

from ktconnect.objects.session import Session, lease, record_of
from ktconnect.sessions.conflicts import SELECTOR, in_the_way
from ktconnect.sessions.shared import shared_session


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
