"""Laptops that share a Service die, are thrown out, or leave: nothing is left behind by any."""

import contextlib
import signal

import pytest
from tests.cluster.connecting import run_ktctl, wait_until
from tests.cluster.mesh_world import shop_world
from tests.cluster.patience import at_last
from tests.cluster.processes import family, send
from tests.cluster.sharing import leases, meshed, service_text
from tests.cluster.taking import COLLEAGUE, age, nothing_of_ours, selector
from tests.cluster.world import service, workload

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(400)]

BOB = {"VERSION": "bob"}
ROUTED = {"app": "web-kt-router"}
AFTER = ("--restoreAfter", "10")


@pytest.fixture
def web(cluster, namespace, deploy):
    deploy(service("web"), workload(cluster, "web"))
    return namespace


def kill(session):
    send(signal.SIGKILL, *family(session.pid))
    wait_until(lambda: session.process.poll() is not None)


def test_agents_take_dead_laptops_out_and_the_last_of_them_puts_all_back(cluster, namespace):
    assert run_ktctl(cluster, "setup", "-n", namespace).code == 0
    with shop_world(cluster, namespace) as shop, contextlib.ExitStack() as loads:
        before = service_text(cluster, namespace, "shop")
        marks = ("ann", "bob", "eve")
        sessions = loads.enter_context(meshed(cluster, namespace, *marks, name="shop", flags=AFTER))
        everybody = loads.enter_context(calling(shop, ""))
        kill(sessions[1])
        # from the first answer of the origin on, nobody who is marked notices how it is undone
        wait_until(lambda: shop.caller.ask("http", "shop", 80, headers=BOB).who == "shop")
        of_bob = loads.enter_context(calling(shop, "bob"))
        left = ["kt-mesh-shop.ann", "kt-mesh-shop.eve", "kt-router-shop"]
        wait_until(lambda: leases(cluster, namespace) == left, within=at_last(40))
        wait_until(lambda: shares(cluster, namespace) == {"ann", "eve"}, within=at_last(20))
        for load in (of_bob, everybody):
            tally = load.stop()
            assert tally.failed == 0, tally.failures
            assert tally.who == {"shop": tally.calls}
        assert selector(cluster, namespace, "shop") == {"app": "shop-kt-router"}
        assert all(session.process.poll() is None for session in sessions[::2])
        kill(sessions[0])
        kill(sessions[2])
        wait_until(lambda: service_text(cluster, namespace, "shop") == before, within=at_last(40))
        wait_until(lambda: nothing_of_ours(cluster, namespace), within=at_last(40))


def calling(shop, mark):
    headers = {"VERSION": mark} if mark else {}
    return shop.caller.load("http", "shop", 80, workers=2, rate=50, headers=headers)


def shares(cluster, namespace):
    """The marks of all who take something of the Service's requests."""
    found = cluster.get("services", f"--namespace={namespace}", "--selector=kt-target=shop")
    names = [each["metadata"]["name"] for each in found["items"]]
    return {name.partition("-kt-mesh-")[2] for name in names if "-kt-mesh-" in name}


def test_many_are_recovered_at_once_and_each_is_told_by_whom(cluster, web):
    before = service_text(cluster, web)
    with meshed(cluster, web, "ann", "bob", "eve") as sessions:
        for words in (["recover", "web"], ["exchange", "web", "--skipPortChecking"]):
            refused = run_ktctl(cluster, *words, "-n", web, "-o", "json", env=COLLEAGUE)
            assert refused.code == 6, refused
            for mark in ("ann", "bob", "eve"):
                assert f"via version '{mark}'" in refused.error["message"]
        done = run_ktctl(cluster, "recover", "web", "-n", web, "--takeover", env=COLLEAGUE)
        assert done.code == 0, done
        for session in sessions:
            assert session.wait(at_last(30)) != 0
            assert "undone by" in session.story()
    assert service_text(cluster, web) == before
    wait_until(lambda: nothing_of_ours(cluster, web), within=at_last(30))


def test_clean_takes_the_dead_out_and_never_the_living_nor_what_they_share(cluster, web):
    before = service_text(cluster, web)
    with meshed(cluster, web, "ann", "bob") as (ann, bob):
        kill(ann)
        cleaned = run_ktctl(cluster, "clean", "-n", web, env=COLLEAGUE)
        assert "nothing to clean" in cleaned.stdout + cleaned.stderr
        age(cluster, web, "kt-mesh-web.ann", 90)
        assert run_ktctl(cluster, "clean", "-n", web, env=COLLEAGUE).code == 0
        assert leases(cluster, web) == ["kt-mesh-web.bob", "kt-router-web"]
        assert selector(cluster, web) == ROUTED
        kill(bob)
        # on the laptop that was killed it is known at once that nobody is left
        assert run_ktctl(cluster, "clean", "-n", web).code == 0
        assert service_text(cluster, web) == before
        wait_until(lambda: nothing_of_ours(cluster, web), within=at_last(30))
