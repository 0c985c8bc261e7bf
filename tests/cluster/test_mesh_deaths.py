"""Laptops that share a Service die, are thrown out, or leave: nothing is left behind by any."""

import signal

import pytest
from tests.cluster.connecting import run_ktctl, wait_until
from tests.cluster.patience import at_last
from tests.cluster.processes import family, send
from tests.cluster.sharing import leases, meshed, service_text
from tests.cluster.taking import COLLEAGUE, age, nothing_of_ours, selector
from tests.cluster.world import service, workload

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(400)]

OWN = {"app": "web"}
ROUTED = {"app": "web-kt-router"}
AFTER = ("--restoreAfter", "10")


@pytest.fixture
def web(cluster, namespace, deploy):
    deploy(service("web"), workload(cluster, "web"))
    return namespace


def kill(session):
    send(signal.SIGKILL, *family(session.pid))
    wait_until(lambda: session.process.poll() is not None)


def test_agents_take_dead_laptops_out_and_the_last_of_them_puts_all_back(cluster, web):
    before = service_text(cluster, web)
    assert run_ktctl(cluster, "setup", "-n", web).code == 0
    with meshed(cluster, web, "ann", "bob", "eve", flags=AFTER) as sessions:
        assert selector(cluster, web) == ROUTED
        kill(sessions[1])
        left = ["kt-mesh-web.ann", "kt-mesh-web.eve", "kt-router-web"]
        wait_until(lambda: leases(cluster, web) == left, within=at_last(40))
        assert selector(cluster, web) == ROUTED
        assert all(session.process.poll() is None for session in sessions[::2])
        kill(sessions[0])
        kill(sessions[2])
        wait_until(lambda: selector(cluster, web) == OWN, within=at_last(40))
        wait_until(lambda: nothing_of_ours(cluster, web), within=at_last(40))
    assert service_text(cluster, web) == before


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
