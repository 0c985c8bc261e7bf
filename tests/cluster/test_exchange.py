"""`ktctl exchange`: the laptop answers, callers notice nothing, and all is as before afterwards."""

import pytest
from tests.cluster.connecting import wait_until
from tests.cluster.exchanging import LAPTOP, Shop, local_program, pause, serving
from tests.cluster.patience import allowed

pytestmark = pytest.mark.cluster

READY = 3.0  # seconds, with the image present


@pytest.fixture
def shop(cluster, namespace):
    return Shop(cluster, namespace)


def test_callers_notice_nothing_when_it_starts_runs_and_ends(cluster, namespace, shop, report):
    text = shop.service_text()
    with local_program(cluster) as local, shop.calling() as callers:
        before = shop.objects()
        callers.served_by_pods()
        expose = f"{local.http}:80"
        with serving(cluster, namespace, "exchange", "web", "--expose", expose) as session:
            callers.served_by_laptop()
            pause(3)
            assert shop.service_text() != text
        callers.served_by_pods()
        assert shop.service_text() == text
        wait_until(lambda: shop.objects() == before, within=15)
        calls = callers.nobody_noticed()
    by_laptop = [call for call in calls if call.by == LAPTOP]
    assert len(by_laptop) > 200
    report(ready=session.ready["seconds"], longest=max(call.seconds for call in calls))
    assert session.ready["seconds"] <= allowed(READY)
    assert "reached this machine in" in session.ready["facts"]["proof"]
