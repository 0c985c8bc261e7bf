"""`ktctl mesh` by its router: many users on one Service, and nobody else notices."""

import contextlib
import json
import os
import random
import signal

import pytest
from tests.cluster.connecting import run_ktctl, started, wait_until
from tests.cluster.exchanging import argv, said, serving
from tests.cluster.mesh_world import shop_world
from tests.cluster.namespaces import own_namespace
from tests.cluster.patience import TEST
from tests.cluster.polyglots import calling_in_pod, polyglot_on_laptop
from tests.cluster.sharing import leases, service_text
from tests.cluster.taking import COLLEAGUE, selector

pytestmark = pytest.mark.cluster

MARKED = int(os.environ.get("KTCTL_TEST_CALLS", "5000"))
"""Marked calls, of all users together."""
SLOWEST = 20.0
"""Calls a second that each user's caller makes at least, on a machine with much else to do."""
USERS = ("ann", "bob", "eve", "joe", "zoe")
ROUTED = {"app": "shop-kt-router"}
OWN = {"app": "shop"}


@pytest.fixture(scope="module")
def shop(cluster):
    with own_namespace(cluster, "mesh") as namespace, shop_world(cluster, namespace) as found:
        yield found


@pytest.fixture(autouse=True)
def quiet(shop):
    """What the test before has made goes in the cluster's time, and nodes follow in theirs."""

    def is_quiet():
        if [each for each in objects(shop) if "kt-" in each]:
            return False
        return shop.caller.ask("http", "shop", 80, fresh=True).who == "shop"

    if leases(shop.cluster, shop.namespace):  # of a test that has failed
        run_ktctl(shop.cluster, "clean", "-n", shop.namespace)
    wait_until(is_quiet, within=30)


@pytest.fixture
def ann(cluster):
    with polyglot_on_laptop(cluster, "ann", free_ports()) as found:
        yield found


def free_ports():
    """The first of ten that hardly anybody else uses on the laptop."""
    return random.randrange(20000, 30000, 10)


def mesh(shop, local, *flags, mark=""):
    words = ("mesh", "shop", "--expose", f"{local.http}:80", "--versionMark", mark or local.who)
    return serving(shop.cluster, shop.namespace, *words, "--mode", "router", *flags)


def meshing(shop, local):
    """It is started, and not waited for."""
    words = ("mesh", "shop", "--expose", f"{local.http}:80", "--versionMark", local.who)
    return started(shop.cluster, argv(shop.cluster, shop.namespace, *words, "--mode", "router"))


def who(shop, mark="", port=80, **options):
    headers = {"VERSION": mark} if mark else {}
    answer = shop.caller.ask("http", "shop", port, headers=headers, fresh=True, **options)
    assert answer.error == ""
    return answer


def objects(shop):
    found = shop.cluster.get(
        "services,configmaps,deployments,leases", f"--namespace={shop.namespace}"
    )
    return sorted(f"{each['kind']}/{each['metadata']['name']}" for each in found["items"])


def address(shop, name):
    found = shop.cluster.get("service", name, f"--namespace={shop.namespace}")
    return found["spec"]["clusterIP"]


@pytest.mark.timeout(TEST + MARKED / SLOWEST)
def test_users_come_and_go_under_load_and_nobody_gets_an_answer_that_is_not_his(shop, report):
    before, text = objects(shop), service_text(shop.cluster, shop.namespace, "shop")
    with contextlib.ExitStack() as stack:
        everybody = stack.enter_context(calling(shop.caller, rate=50))
        locals_ = [
            stack.enter_context(polyglot_on_laptop(shop.cluster, name, free_ports()))
            for name in USERS
        ]
        with mesh(shop, locals_[0]) as first:
            # a caller of its own: connections from before the mesh stay with the original Pods
            caller = stack.enter_context(calling_in_pod(shop.cluster, shop.namespace, "caller"))
            with calling(caller, USERS[0], rate=50) as its:
                tallies = _others_come_and_go(shop, caller, locals_[1:])
                tallies[USERS[0]] = its.stop()
        unmarked = everybody.stop()
    report(ready=first.ready["seconds"])
    for name, tally in tallies.items():
        assert tally.failed == 0, tally.failures
        assert tally.who == {name: tally.calls}, name
    assert sum(tally.calls for tally in tallies.values()) >= MARKED
    assert unmarked.failed == 0, unmarked.failures
    assert unmarked.who == {"shop": unmarked.calls}
    assert service_text(shop.cluster, shop.namespace, "shop") == text
    wait_until(lambda: objects(shop) == before, within=15)


def _others_come_and_go(shop, caller, locals_):
    """All of them at once, with so many calls each; what their calls met."""
    with contextlib.ExitStack() as stack:
        sessions = [stack.enter_context(meshing(shop, local)) for local in locals_]
        for session in sessions:
            session.wait_for(lambda event: event["event"] == "ready", 60)
        count = MARKED // len(locals_)
        with contextlib.ExitStack() as loads:
            calls = {
                local.who: loads.enter_context(calling(caller, local.who, count=count))
                for local in locals_
            }
            tallies = {name: load.wait(300 + count / SLOWEST) for name, load in calls.items()}
        for session in sessions:
            session.process.send_signal(signal.SIGINT)
        assert [session.wait(60) for session in sessions] == [0] * len(sessions)
    return tallies


def calling(caller, mark="", **options):
    headers = {"VERSION": mark} if mark else {}
    return caller.load("http", "shop", 80, workers=2, headers=headers, **options)


def test_only_what_is_exposed_and_can_be_told_apart_comes_here(shop, ann):
    with mesh(shop, ann, "--expose", ann.expose) as session:
        wait_until(lambda: who(shop, "ann").who == "ann", within=20)
        answer = who(shop, "ann")
        assert answer.headers["x-kt-served-by"] == "ann"
        assert answer.headers["cache-control"] == "no-store"
        assert who(shop).headers["x-kt-served-by"] == "origin"
        assert who(shop, "bob").who == "shop"
        assert who(shop, "ann", port=8081).who == "shop"
        orders = [
            {"kind": "tcp", "host": "shop", "port": 7000},
            {"kind": "udp", "host": "shop", "port": 7002},
        ]
        assert [answer.who for answer in shop.caller.ask_all(orders)] == ["shop", "shop"]
    assert "x-kt-served-by: ann" in session.ready["facts"]["proof"]
    assert session.ready["banner"] == "Now you can access your service by header 'VERSION: ann'"


def test_what_others_change_or_delete_is_as_it_should_be_again(shop, ann):
    cluster, where = shop.cluster, f"--namespace={shop.namespace}"
    again = {"app": "shop", "kt-test": "later"}
    patch = json.dumps([{"op": "replace", "path": "/spec/selector", "value": again}])
    with mesh(shop, ann) as session:
        router = shop.pods("kt-session=shop-kt-router")
        origin = address(shop, "shop-kt-origin")
        cluster.kubectl("delete", "configmap", "shop-kt-router", where)
        said(session, "ConfigMap shop-kt-router is made again")
        cluster.kubectl("delete", "service", "shop-kt-origin", where)
        said(session, "shop-kt-origin is made again")
        assert address(shop, "shop-kt-origin") == origin, "agents know it"
        cluster.kubectl("delete", "service", "shop-kt-mesh-ann", where)
        said(session, "shop-kt-mesh-ann was deleted, and is there again")
        cluster.kubectl("delete", "deployment", "shop-kt-router", where)
        said(session, "Deployment shop-kt-router is made again")
        wait_until(lambda: selector(cluster, shop.namespace, "shop") == ROUTED, within=20)
        assert shop.pods("kt-session=shop-kt-router") != router
        wait_until(lambda: who(shop, "ann").who == "ann", within=20)
        cluster.kubectl("patch", "service", "shop", where, "--type=json", f"--patch={patch}")
        said(session, "applied service")
        wait_until(lambda: selector(cluster, shop.namespace, "shop") == ROUTED)
        assert selector(cluster, shop.namespace, "shop-kt-origin") == again
        assert selector(cluster, shop.namespace, "shop-kt-origin-pods") == again
    assert selector(cluster, shop.namespace, "shop") == again
    patch = json.dumps([{"op": "replace", "path": "/spec/selector", "value": OWN}])
    cluster.kubectl("patch", "service", "shop", where, "--type=json", f"--patch={patch}")


def ktctl(shop, *words, **options):
    return run_ktctl(shop.cluster, *argv(shop.cluster, shop.namespace, *words)[1:], **options)


def test_a_mark_has_one_user_and_may_be_taken_over(shop, ann):
    words = ("mesh", "shop", "--expose", f"{ann.http}:80", "--versionMark", "ann")
    with mesh(shop, ann) as session:
        refused = ktctl(shop, *words, env=COLLEAGUE)
        assert refused.code == 6, refused
        told = refused.error["message"]
        assert "Another user is meshing service 'shop' via version 'ann'" in told
        assert "please specify a different version mark" in told
        with mesh(shop, ann, "--takeover") as second:
            assert session.wait(60) == 6
            wait_until(lambda: who(shop, "ann").who == "ann", within=20)
            assert second.ready["facts"]["mark"] == "ann"
    wait_until(lambda: leases(shop.cluster, shop.namespace) == [], within=15)


def test_a_service_that_is_exchanged_is_not_meshed(shop, ann):
    expose = ("--expose", f"{ann.http}:80")
    with serving(shop.cluster, shop.namespace, "exchange", "shop", *expose):
        refused = ktctl(shop, "mesh", "shop", *expose, "--versionMark", "ann", env=COLLEAGUE)
    assert refused.code == 6, refused
    assert "exchange by" in refused.error["message"]


def test_a_dry_run_tells_all_and_makes_nothing(shop, ann):
    before = objects(shop)
    words = ("--expose", f"{ann.http}:80", "--versionMark", "ann", "--mode", "router", "--dryRun")
    done = ktctl(shop, "mesh", "shop", *words)
    assert done.code == 0, done
    made = [event["object"] for event in done.events if event["event"] == "create"]
    names = [each["metadata"]["name"] for each in made]
    assert len(set(names)) < len(names), "an agent's ConfigMap has its Deployment's name"
    assert {each["kind"] for each in made} == {"Lease", "Service", "ConfigMap", "Deployment"}
    assert sum(each["kind"] == "Service" for each in made) == 3
    changed = [event["key"] for event in done.events if event["event"] == "change"]
    assert changed == [f"v1/Service/{shop.namespace}/shop#/spec/selector"]
    assert objects(shop) == before


def test_a_labelled_pod_answers_only_while_there_is_a_laptop(shop, ann):
    def endpoints():
        label = "kubernetes.io/service-name=shop"
        found = shop.cluster.get("endpointslices", "-l", label, f"--namespace={shop.namespace}")
        return [
            each["targetRef"]["name"]
            for slices in found["items"]
            for each in slices["endpoints"] or ()
            if each["conditions"]["ready"]
        ]

    flags = ("mesh", "shop", "--expose", f"{ann.http}:80", "--versionMark", "ann")
    with serving(shop.cluster, shop.namespace, *flags, "--mode", "manual") as session:
        [pod] = shop.pods("version=ann")
        assert pod in endpoints()
        assert session.ready["banner"].endswith("by label 'version=ann'")
        session.kill()
        wait_until(lambda: pod not in endpoints(), within=15)
    done = ktctl(shop, "clean")
    assert done.code == 0, done
    wait_until(lambda: leases(shop.cluster, shop.namespace) == [], within=15)
