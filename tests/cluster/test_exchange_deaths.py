"""What callers notice when the laptop dies, the agent dies, or someone else changes the Service."""

import json
import signal
import time

import pytest
from tests.cluster.breaking import stopped
from tests.cluster.connecting import run_ktctl, wait_until
from tests.cluster.exchanging import (
    Shop,
    local_program,
    pause,
    said,
    serving,
)

pytestmark = pytest.mark.cluster

OTHER_HOME = {"HOME": "/run/home/colleague"}


@pytest.fixture
def shop(cluster, namespace):
    return Shop(cluster, namespace)


@pytest.fixture
def local(cluster):
    with local_program(cluster) as found:
        yield found


def exchange(shop, local, *flags):
    words = ("exchange", "web", "--expose", f"{local.http}:80", *flags)
    return serving(shop.cluster, shop.namespace, *words)


def set_up(shop):
    """Give agents the account with which they undo sessions by themselves."""
    done = run_ktctl(shop.cluster, "setup", "-n", shop.namespace)
    assert done.code == 0, done


def test_a_killed_laptop_costs_a_wait_and_the_agent_puts_all_back(shop, local, report):
    set_up(shop)
    text, before = shop.service_text(), shop.objects()
    with shop.calling() as callers:
        with exchange(shop, local, "--restoreAfter", "15") as session:
            callers.served_by_laptop()
            died = time.time()
            session.kill()
        callers.served_by_pods()
        wait_until(lambda: shop.service_text() == text, within=40)
        pause(2)
        calls = callers.nobody_noticed(died)
    wait_until(lambda: shop.objects() == before, within=20)
    report(longest=max(call.seconds for call in calls))


def test_a_sleeping_laptop_goes_on_where_it_was_and_tells_what_happened(shop, local, report):
    with shop.calling() as callers:
        with exchange(shop, local) as session:
            callers.served_by_laptop()
            died = time.time()
            with stopped(session.pid):
                callers.served_by_pods()
                pause(6)  # longer than the agent takes to notice, whoever answered meanwhile
            told = said(session, "this machine was away")
            callers.served_by_laptop()
        calls = callers.nobody_noticed(died)
    assert "served by the origin" in told["message"]
    report(longest=max(call.seconds for call in calls))


def test_a_laptop_that_slept_until_others_undid_it_is_told_and_ends(shop, local):
    text, before = shop.service_text(), shop.objects()
    with exchange(shop, local, "--restoreAfter", "10") as session:
        with stopped(session.pid):
            long_ago = {"spec": {"renewTime": "2026-01-01T00:00:00.000000Z"}}
            patch = f"--patch={json.dumps(long_ago)}"
            shop.kubectl("patch", "lease", session.name, "--type=merge", patch)
            done = run_ktctl(shop.cluster, "clean", "-n", shop.namespace, env=OTHER_HOME)
            assert done.code == 0, done
            assert shop.service_text() == text
        assert session.wait() == 6
    error = next(event for event in session.events if event["event"] == "error")
    assert "is over" in error["message"]
    wait_until(lambda: shop.objects() == before, within=20)


def test_an_agent_whose_pod_is_deleted_is_replaced_and_callers_go_past_it(shop, local, report):
    with shop.calling() as callers:
        with exchange(shop, local) as session:
            callers.served_by_laptop()
            shop.kubectl("delete", "pod", "--selector=kt-role=shadow-exchange", "--wait=false")
            number = len(session.events)
            session.wait_health("up", 30, after=number)
            pause(2)
            callers.served_by_laptop()
        calls = callers.nobody_noticed()
    report(longest=max(call.seconds for call in calls))


def test_a_service_applied_anew_comes_back_here_and_gets_what_was_applied(shop, local):
    with exchange(shop, local) as session:
        redirected = shop.selector()
        changed = {"app": "web", "pod": "none-yet"}
        patch = json.dumps([{"op": "replace", "path": "/spec/selector", "value": changed}])
        shop.kubectl("patch", "service", "web", "--type=json", f"--patch={patch}")
        said(session, "applied service")
        wait_until(lambda: shop.selector() == redirected)
        assert shop.selector("web-kt-origin") == changed
    assert shop.selector() == changed


def test_a_deleted_service_is_taken_up_again(shop, local):
    manifest = shop.get("service", "web")
    with exchange(shop, local) as session:
        shop.kubectl("delete", "service", "web")
        said(session, "was deleted")
        session.wait_health("down", 10)
        number = len(session.events)
        for key in ("uid", "resourceVersion", "creationTimestamp"):
            del manifest["metadata"][key]
        shop.cluster.apply([manifest], shop.namespace)
        session.wait_health("up", 20, after=number)
        assert shop.selector() != manifest["spec"]["selector"]
    assert shop.selector() == manifest["spec"]["selector"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_every_signal_that_ends_it_puts_all_back(shop, local, number):
    text, before = shop.service_text(), shop.objects()
    with exchange(shop, local) as session:
        assert session.stop(number) == 0
    assert shop.service_text() == text
    wait_until(lambda: shop.objects() == before, within=20)


def test_calls_are_shown_as_they_end(shop, local):
    with shop.calling(rate=5) as callers:
        with exchange(shop, local, "--log") as session:
            callers.served_by_laptop()
            call = session.wait_for(
                lambda event: event["event"] == "call" and event["sent"] > 0, 20
            )
    assert call["service"] == f"{shop.namespace}/web"
    assert call["port"] == 80
    assert call["target"] == f"127.0.0.1:{local.http}"
    assert call["ended"] == "closed"
