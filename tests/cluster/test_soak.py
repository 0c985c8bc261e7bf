"""The long ones, run by ``make soak``: minutes without a network or a clock, and growth."""

import os
import time
from functools import partial
from pathlib import Path

import pytest
from tests.cluster.breaking import cut, stopped
from tests.cluster.connecting import wait_until
from tests.cluster.echoing import echoing
from tests.cluster.healing import NOTICED, healed, kept_ended, one_of_each, trouble
from tests.cluster.patience import allowed
from tests.cluster.processes import agent, family
from tests.cluster.traffic import traffic

from ktconnect.modes.silence import HUNG

pytestmark = [pytest.mark.cluster, pytest.mark.soak, pytest.mark.timeout(900)]

LONG_CUT = 300.0
LONG_SLEEP = 120.0
LOAD = float(os.environ.get("KTCTL_TEST_LOAD", "600"))
FLOWS_END = 90.0
"""Seconds after which UDP flows are over that nobody has used since; until then each holds a
descriptor of the agent, so that under load it is the rate of new ones that tells how many."""
FOLLOWED = 120.0
WARM = 0.25  # part of the load after which nothing may grow any more
HEALED = 10.0


@pytest.fixture(scope="module")
def echo(cluster):
    with echoing(cluster) as found:
        yield found


@pytest.fixture
def session(connect):
    with connect() as found:
        yield found


def test_a_cut_of_five_minutes_is_healed(cluster, namespace, session, echo, report):
    with traffic(cluster, *echo.orders) as going:
        began = time.time()
        with cut(cluster):
            noticed = trouble(session, began)
            time.sleep(began + LONG_CUT - time.time())
            back = time.time()
        took = healed(session, going, back)
        report(noticed=noticed - began, healed=took)
        assert noticed - began < allowed(NOTICED)
        assert took < allowed(HEALED)
        assert kept_ended(going) == {"ConnectionResetError"}
        one_of_each(cluster, namespace, session)


def test_a_laptop_that_slept_for_minutes_goes_on(cluster, namespace, session, echo, report):
    with traffic(cluster, *echo.orders) as going:
        with stopped(*family(session.pid)):
            time.sleep(LONG_SLEEP)
            awake = time.time()
        took = healed(session, going, awake)
        report(healed=took)
        assert took < allowed(HEALED)
        one_of_each(cluster, namespace, session)


def test_an_agent_follows_when_its_node_loses_power(cluster, namespace, connect, echo, report):
    """Kubernetes takes most of a minute to believe that a node is lost."""
    cluster.kubectl("cordon", "node1")
    try:
        with connect() as session, traffic(cluster, *echo.orders) as going:
            cluster.kubectl("uncordon", "node1")
            began = time.time()
            cluster.kill_node("node2")
            noticed = trouble(session, began)
            took = healed(session, going, noticed, within=FOLLOWED)
            report(noticed=noticed - began, healed=took)
            assert noticed - began < allowed(NOTICED)
            assert kept_ended(going) == {"ConnectionResetError"}
    finally:
        cluster.kubectl("uncordon", "node1")
        cluster.start_node("node2")
        cluster.kubectl("wait", "--for=condition=Ready", "node/node2", "--timeout=120s")


def test_an_agent_that_hangs_for_good_is_replaced(cluster, namespace, session, echo, report):
    """Kubernetes calls it ready all the time."""
    hung = agent(cluster, namespace)
    with traffic(cluster, *echo.orders) as going, stopped(hung):
        began = time.time()
        assert kept_ended(going) == {"ConnectionResetError"}
        took = healed(session, going, began, within=FOLLOWED)
        report(healed=took)
        assert took < allowed(HUNG + HEALED)
    one_of_each(cluster, namespace, session)


def size(pid):
    """Resident memory in MB and open descriptors of a process."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    kilobytes = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
    return kilobytes / 1000, len(list(Path(f"/proc/{pid}/fd").iterdir()))


def has_at_most(pid, descriptors):
    return size(pid)[1] <= descriptors


def test_ten_minutes_of_load_let_nothing_grow(cluster, namespace, session, echo, report):
    pids = {"ktctl": session.pid, "agent": agent(cluster, namespace)}
    quiet = {name: size(pid)[1] for name, pid in pids.items()}
    orders = [*echo.orders, "name=www.example.com"] * 4
    samples = []
    with traffic(cluster, *orders) as going:
        began = time.time()
        while time.time() < began + LOAD:
            time.sleep(5)
            samples.append({name: size(pid) for name, pid in pids.items()})
        asked = [each for kind in ("http", "udp", "name") for each in going.of(kind, began)]
        failed = [each for each in asked if not each.ok]
        assert len(failed) <= len(asked) / 1000, failed[:10]
        assert going.of("open") + going.of("idle") == []
    warm = samples[int(len(samples) * WARM) :]
    half = len(warm) // 2
    for name in pids:
        early, late = (max(each[name][0] for each in part) for part in (warm[:half], warm[half:]))
        assert late <= early + 4.0, (name, [each[name] for each in samples])
        first, last = samples[0][name], samples[-1][name]
        report(**{f"{name} MB {first[0]:.0f} to {last[0]:.0f}, descriptors {last[1]}, after": LOAD})
    for name, pid in pids.items():
        most = quiet[name] + 8
        wait_until(partial(has_at_most, pid, most), within=FLOWS_END)
    wait_until(lambda: session.status["streams"] <= 8, within=FLOWS_END)
    assert session.status["reconnections"] == 0
