"""Sessions whose laptop is dead: undone by the agent itself where it may, else by anybody."""

import signal

import pytest
from tests.cluster.connecting import run_ktctl, wait_until
from tests.cluster.processes import family, send
from tests.cluster.taking import (
    COLLEAGUE,
    age,
    exchanged,
    nothing_of_ours,
    printed_rules,
    selector,
)
from tests.cluster.world import service, workload

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]

OWN = {"app": "web"}
AFTER = ("--restoreAfter", "10")


@pytest.fixture
def web(cluster, namespace, deploy):
    deploy(service("web"), workload(cluster, "web"))
    return namespace


def killed(session):
    send(signal.SIGKILL, *family(session.pid))
    wait_until(lambda: session.process.poll() is not None)


def set_up(cluster, namespace, *flags):
    return run_ktctl(cluster, "setup", "-n", namespace, "-o", "json", *flags)


def test_an_agent_undoes_its_session_without_any_laptop(cluster, web):
    assert set_up(cluster, web).code == 0
    with exchanged(cluster, web, *AFTER) as session:
        assert selector(cluster, web) != OWN
        killed(session)
        wait_until(lambda: selector(cluster, web) == OWN, within=40)
        wait_until(lambda: nothing_of_ours(cluster, web), within=30)
    assert set_up(cluster, web, "--remove").code == 0
    found = cluster.get("serviceaccounts,roles,rolebindings", f"--namespace={web}")["items"]
    assert "kt-agent" not in {each["metadata"]["name"] for each in found}


def agent_log(cluster, namespace):
    names = [
        each["metadata"]["name"]
        for each in cluster.get("pods", f"--namespace={namespace}")["items"]
        if "-kt-exchange-" in each["metadata"]["name"]
    ]
    return cluster.kubectl("logs", names[0], f"--namespace={namespace}")


def test_without_that_account_callers_get_the_origin_and_anybody_recovers(
    cluster, web, limited_user
):
    with exchanged(cluster, web, *AFTER) as session:
        killed(session)
        wait_until(lambda: "callers go to the origin" in agent_log(cluster, web), within=40)
        age(cluster, web, "kt-exchange-web", 60)
        assert selector(cluster, web) != OWN
        config = ("--kubeconfig", str(limited_user(printed_rules("recover"))))
        done = run_ktctl(cluster, "recover", "web", *config, "-o", "json", env=COLLEAGUE)
        assert done.code == 0, done
        assert selector(cluster, web) == OWN
        wait_until(lambda: nothing_of_ours(cluster, web), within=30)
        again = run_ktctl(cluster, "recover", "web", *config, "-o", "json", env=COLLEAGUE)
        assert "neither exchanged nor meshed" in again.stdout


def test_who_may_not_recover_is_told_what_is_missing_and_nothing_is_touched(
    cluster, web, limited_user
):
    with exchanged(cluster, web, *AFTER) as session:
        killed(session)
        age(cluster, web, "kt-exchange-web", 60)
        before = selector(cluster, web)
        config = ("--kubeconfig", str(limited_user(printed_rules("status"))))
        done = run_ktctl(cluster, "recover", "web", *config, "-o", "json", env=COLLEAGUE)
        assert done.code == 4, done
        for right in ("patch, delete leases", "patch services"):
            assert right in done.error["message"]
        assert selector(cluster, web) == before
        assert run_ktctl(cluster, "recover", "web", "-n", web).code == 0


def test_a_living_session_is_recovered_only_on_purpose_and_is_told_by_whom(cluster, web):
    with exchanged(cluster, web) as session:
        refused = run_ktctl(cluster, "recover", "web", "-n", web, "-o", "json", env=COLLEAGUE)
        assert refused.code == 6, refused
        assert "is alive" in refused.error["message"]
        assert selector(cluster, web) != OWN
        done = run_ktctl(cluster, "recover", "web", "-n", web, "--takeover", env=COLLEAGUE)
        assert done.code == 0, done
        assert session.wait(30) != 0
        assert "undone by" in session.story()
    assert selector(cluster, web) == OWN
    wait_until(lambda: nothing_of_ours(cluster, web), within=30)


def test_the_next_exchange_of_anybody_takes_a_dead_ones_place_at_once(cluster, web):
    with exchanged(cluster, web) as dead:
        killed(dead)
        age(cluster, web, "kt-exchange-web", 70)
        with exchanged(cluster, web, env=COLLEAGUE) as session:
            told = [event.get("message", "") for event in session.events]
            assert any(line.startswith("deleted session kt-exchange-web") for line in told)
            session.stop()
    assert selector(cluster, web) == OWN


def test_a_session_killed_on_this_laptop_is_taken_up_again_without_waiting(cluster, web):
    with exchanged(cluster, web) as dead:
        killed(dead)
    with exchanged(cluster, web) as session:
        session.stop()
    assert selector(cluster, web) == OWN


def test_a_dry_run_of_clean_names_each_change_and_makes_none(cluster, web, limited_user):
    with exchanged(cluster, web) as dead:
        killed(dead)
        age(cluster, web, "kt-exchange-web", 70)
        before = cluster.get("services,leases,deployments", f"--namespace={web}")["items"]
        config = ("--kubeconfig", str(limited_user(printed_rules("clean"))))
        said = run_ktctl(cluster, "clean", "--dryRun", *config, "-o", "json", env=COLLEAGUE).events
        changes = {event["key"]: event for event in said if "key" in event}
        assert changes[f"v1/Service/{web}/web#/spec/selector"]["after"] == OWN
        assert f"coordination.k8s.io/v1/Lease/{web}/kt-exchange-web" in changes
        after = cluster.get("services,leases,deployments", f"--namespace={web}")["items"]
        assert [each["spec"] for each in after] == [each["spec"] for each in before]
        assert run_ktctl(cluster, "clean", *config, env=COLLEAGUE).code == 0
    assert selector(cluster, web) == OWN
    wait_until(lambda: nothing_of_ours(cluster, web), within=30)
