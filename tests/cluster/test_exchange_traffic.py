"""What crosses from callers in the cluster to the laptop: protocols, families, ports, targets."""

import contextlib

import pytest
from playground.errors import PlaygroundError
from tests.cluster.connecting import run_ktctl, wait_until
from tests.cluster.exchanging import (
    LAPTOP,
    PORTS,
    Shop,
    ended_calls,
    local_program,
    serving,
    web,
)
from tests.cluster.world import service

pytestmark = pytest.mark.cluster


@pytest.fixture
def shop(cluster, namespace):
    return Shop(cluster, namespace).open()


@pytest.fixture
def local(cluster):
    with local_program(cluster) as found:
        yield found


def exchange(shop, *words):
    return serving(shop.cluster, shop.namespace, "exchange", *words)


def asked(shop, host, by):
    """Until the Service is answered by whom it should be: nodes learn at their own pace."""

    def answered():
        with contextlib.suppress(PlaygroundError):
            return shop.ask("http", host).startswith(by)

    wait_until(answered, within=10)


def test_every_protocol_and_family_crosses_and_leaves_nothing_open(shop, local):
    ports = f"{local.http}:http,{local.tcp}:tcp,{local.udp}:udp"
    with exchange(shop, "web", "--expose", ports, "--log") as session:
        asked(shop, "web", LAPTOP)
        for address in shop.addresses():
            assert shop.ask("http", address) == LAPTOP
            assert shop.ask("tcp", address, 8081) == "hello"
            assert shop.ask("udp", address, 8080) == [3, 0, 8000]
        assert shop.ask("reset", "web", 8081) == "hello"
        assert shop.ask("bulk", "web", 8081) == 10_485_760
        last = lambda: session.status["calls"]  # noqa: E731 - read twice
        wait_until(lambda: [e for e in ended_calls(session) if "reset" in e["ended"]], within=10)
        wait_until(lambda: last()["open"] <= 2, within=10)  # UDP flows end when they are idle
    carried = [call for call in ended_calls(session) if call["received"] > 10_000_000]
    assert len(carried) == 1
    assert carried[0]["sent"] == carried[0]["received"]


def test_a_port_that_was_not_exposed_stays_with_the_pods(shop, local):
    with exchange(shop, "web", "--expose", f"{local.http}:80", "--log") as session:
        asked(shop, "web", LAPTOP)
        assert shop.ask("tcp", "web", 8081) == "hello"
        assert shop.ask("udp", "web", 8080) == [3, 0, 8000]
        assert {call["port"] for call in ended_calls(session)} <= {80}


HOLDING = """
import socket, time
held = socket.create_connection(("web", 8081))
print("held", flush=True)
time.sleep(1e6)
"""


def older(session):
    """As its last status says; None before the first one."""
    told = [each["calls"]["older"] for each in session.events if each["event"] == "status"]
    return told[-1] if told else None


def test_a_connection_that_is_older_stays_with_its_pod_and_is_counted_until_it_ends(shop, local):
    shop.start_pod("holder", HOLDING)
    wait_until(lambda: "held" in shop.kubectl("logs", "holder"), within=60)
    with exchange(shop, "web", "--expose", f"{local.tcp}:tcp") as session:
        wait_until(lambda: older(session) == 1, within=60)
        shop.kubectl("delete", "pod", "holder", "--grace-period=0", "--force")
        wait_until(lambda: older(session) == 0, within=60)


def test_several_targets_come_by_one_command_and_one_that_is_lost_leaves_the_others(
    cluster, namespace, shop, local
):
    cluster.apply([web(cluster, "api"), service("api", ports=PORTS)], namespace)
    shop.kubectl("rollout", "status", "deployment/api", "--timeout=90s")
    before = {name: shop.service_text(name) for name in ("web", "api")}
    with exchange(shop, "web", "api", "--expose", f"{local.http}:80") as session:
        for name in before:
            asked(shop, name, LAPTOP)
        taken = ("exchange", "api", "--expose", f"{local.http}:80", "--takeover")
        with serving(cluster, namespace, *taken, env={"HOME": "/run/home/colleague"}):
            told = session.wait_for(lambda event: "is over" in str(event.get("message", "")), 20)
            assert f"{namespace}/api" in told["message"]
            asked(shop, "web", LAPTOP)
        wait_until(lambda: shop.service_text("api") == before["api"])
    assert {name: shop.service_text(name) for name in before} == before


def test_a_target_that_somebody_has_is_refused_with_their_name(shop, local):
    words = ("exchange", "web", "--expose", f"{local.http}:80", "-n", shop.namespace)
    with exchange(shop, "web", "--expose", f"{local.http}:80"):
        done = run_ktctl(shop.cluster, *words, "-o", "json", env={"HOME": "/run/home/colleague"})
    assert done.code == 6
    assert "is taken: exchange by" in done.error["message"]
    assert "is alive" in done.error["message"]


def test_a_laptop_that_refuses_sends_its_callers_to_the_pods(cluster, shop):
    with contextlib.ExitStack() as stack:
        local = stack.enter_context(local_program(cluster))
        with exchange(shop, "web", "--expose", f"{local.http}:80", "--log") as session:
            asked(shop, "web", LAPTOP)
            stack.close()
            asked(shop, "web", "web-")
            call = session.wait_for(
                lambda event: str(event.get("ended", "")).startswith("refused"), 20
            )
    assert "connection refused" in call["ended"]


def test_a_preview_is_a_service_of_its_own(cluster, namespace, shop, local):
    before = shop.objects()
    expose = f"{local.http}:80,{local.tcp}:8081,{local.udp}:53/udp"
    with serving(cluster, namespace, "preview", "mine", "--expose", expose) as session:
        assert "reached this machine in" in session.ready["facts"]["proof"]
        asked(shop, "mine", LAPTOP)
        assert shop.ask("tcp", "mine", 8081) == "hello"
        assert shop.ask("udp", "mine", 53) == [3, 0, 8000]
        shop.kubectl("delete", "service", "mine")
        session.wait_for(lambda event: "there again" in str(event.get("message", "")), 20)
        asked(shop, "mine", LAPTOP)
    wait_until(lambda: shop.objects() == before, within=20)


def test_a_preview_never_touches_a_service_that_is_there(cluster, namespace, shop, local):
    text = shop.service_text()
    words = ("preview", "web", "--expose", f"{local.http}:80", "-n", namespace, "-o", "json")
    done = run_ktctl(cluster, *words)
    assert done.code == 6
    assert "there is a Service web" in done.error["message"]
    assert shop.service_text() == text
