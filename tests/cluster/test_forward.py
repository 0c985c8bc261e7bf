"""Ports of the cluster on the laptop: what is reached, and what is followed when it moves."""

import json
import signal
from dataclasses import replace

import pytest
from tests.cluster.background import at_desk
from tests.cluster.connecting import ours, probe, started, wait_until
from tests.cluster.healing import one_of_each
from tests.cluster.patience import at_last
from tests.cluster.processes import agent, send
from tests.cluster.world import service, workload

pytestmark = [pytest.mark.cluster]


@pytest.fixture
def desk(cluster, namespace):
    with at_desk(cluster, namespace) as found:
        yield found


@pytest.fixture
def forwarded(cluster, desk):
    """``with forwarded(*args) as session``: ktctl forward runs in the block."""

    class Forwarded:
        def __init__(self, *argv, namespace=desk.namespace):
            at = replace(desk, namespace=namespace)
            command = [*at.command("forward", *argv), "-o", "json"]
            self._started = started(cluster, command, env=desk.env)

        def __enter__(self):
            self.session = self._started.__enter__()
            self.session.wait_for(lambda event: event["event"] == "ready")
            return self

        def __exit__(self, *error):
            if error[0] is None:
                assert self.session.stop() == 0, self.session.story()
            self._started.__exit__(*error)

        def port(self, number=0):
            """The local port of the one with this number."""
            shown = self.session.ready["facts"]["ports"][number]
            return int(shown.partition(" -> ")[0].rpartition(":")[2])

        def answered_by(self, number=0):
            """The Pod that answers a new connection; "" if none does."""
            url = f"http://127.0.0.1:{self.port(number)}/"
            done = cluster.laptop(["curl", "-s", "--max-time", "5", url])
            return pod_of(done.stdout) if done.returncode == 0 else ""

    return Forwarded


def pod_of(answer):
    return json.loads(answer)["pod"]


def pods(cluster, namespace, app="web"):
    found = cluster.get("pods", f"--namespace={namespace}", f"--selector=app={app}")["items"]
    return sorted(
        pod["metadata"]["name"] for pod in found if "deletionTimestamp" not in pod["metadata"]
    )


def test_a_service_is_reached_by_tcp_and_udp_over_ipv4_and_ipv6(cluster, world, forwarded, desk):
    ports = ("0:http", "0:tcp", "0:udp")
    with forwarded("service/web", *ports, namespace=world.namespace) as found:
        assert found.answered_by().startswith("web-")
        tcp, udp = found.port(1), found.port(2)
        for host in ("127.0.0.1", "::1"):
            assert "hello" in probe(cluster, "tcp", host, tcp)
            assert probe(cluster, "udp", host, udp)
        probe(cluster, "bulk", "127.0.0.1", tcp, 1 << 20)
        assert (
            f"port 80 of service 'web' via 'localhost:{found.port()}'"
            in (found.session.ready["banner"])
        )
        results = [event.get("result", "") for event in found.session.events]
        assert any("service/web:80 answers in" in result for result in results)
    assert ours(cluster, world.namespace) == []
    assert desk.files() == []


def test_targets_of_every_kind_are_reached_at_once(cluster, world, forwarded):
    pod = next(name for name in sorted(world.pods) if name.startswith("web-"))
    targets = [
        *("web", "0:80"),
        *(f"pod/{pod}", "0:8080"),
        *("deployment/web", "0:8080"),
        *("statefulset/db", "0:8080"),
        *("service/db", "0:http"),  # headless
        f"0:web.{world.namespace}:80",
        f"0:{world.address('service', 'web', 4)}:80",
        f"0:[{world.address('pod', 'web-', 6)}]:8080",
    ]
    with forwarded(*targets, namespace=world.namespace) as found:
        answers = [found.answered_by(number) for number in range(8)]
    assert [answer.partition("-")[0] for answer in answers] == [
        *("web", "web", "web", "db", "db", "web", "web", "web")
    ]
    assert answers[1] == pod


def test_connections_follow_when_a_pod_is_replaced(cluster, namespace, deploy, forwarded):
    deploy(workload(cluster, "web"), service("web"))
    (first,) = pods(cluster, namespace)
    targets = (f"pod/{first}", "0:8080", "deployment/web", "0:8080", "service/web", "0:80")
    with forwarded(*targets) as found:
        assert [found.answered_by(number) for number in range(3)] == [first] * 3
        cluster.kubectl("delete", "pod", first, f"--namespace={namespace}", "--wait=false")
        for number in range(3):
            wait_until(lambda: found.answered_by(number) not in ("", first), 30)  # noqa: B023
        notes = [event.get("message", "") for event in found.session.events]
        (second,) = pods(cluster, namespace)
        assert any(f"go to pod/{second} now" in note for note in notes)


@pytest.mark.parametrize("how", ["process killed", "Pod deleted", "Deployment deleted"])
def test_a_lost_agent_is_made_anew(cluster, namespace, forwarded, how):
    with forwarded("0:kubernetes.default:443") as found:
        url = f"https://127.0.0.1:{found.port()}/version"
        ask = ["curl", "-sk", "--max-time", "5", url]
        assert "gitVersion" in cluster.laptop(ask).stdout
        mine = (f"--selector=kt-session={found.session.name}", f"--namespace={namespace}")
        if how == "process killed":
            send(signal.SIGKILL, agent(cluster, namespace))
        else:
            cluster.kubectl("delete", how.partition(" ")[0].lower(), *mine, "--wait=false")
        # Another Pod may be there before the last pipe is lost: it has been up throughout then.
        wait_until(lambda: found.session.status["reconnections"], 20)
        wait_until(lambda: "gitVersion" in cluster.laptop(ask).stdout, 40)
        one_of_each(cluster, namespace, found.session)


def test_a_killed_one_leaves_nothing_that_clean_does_not_take(cluster, namespace, desk):
    argv = [*desk.command("forward", "0:kubernetes.default:443"), "-o", "json"]
    with started(cluster, argv, env=desk.env) as session:
        session.wait_for(lambda event: event["event"] == "ready")
        send(signal.SIGKILL, session.pid)
        session.wait(at_last(10))
    assert ours(cluster, namespace) != []
    assert desk.run("clean", "-n", namespace).code == 0
    wait_until(lambda: ours(cluster, namespace) == [])
    assert desk.files() == []


REFUSED = [
    (("nix", "80"), 2, "there is no service/nix"),
    (("service/kubernetes", "81:82", "-n", "default"), 2, "has no port 81:82"),
    (("a:1", "1:b:2"), 2, "local port 1/tcp is wanted twice"),
    (("0:a:1", "--address", "203.0.113.9"), 7, "203.0.113.9 can't be listened on"),
]


@pytest.mark.parametrize(("argv", "code", "words"), REFUSED)
def test_what_cannot_be_forwarded_is_said_before_anything_is_made(
    cluster, namespace, desk, argv, code, words
):
    done = desk.run(*desk.command("forward")[1:], *argv, "-o", "json")
    assert done.code == code, done
    assert words in done.error["message"]
    assert ours(cluster, namespace) == []


def test_a_port_that_is_taken_is_said_with_what_to_do(cluster, namespace, desk, forwarded):
    with forwarded("0:kubernetes.default:443") as found:
        done = desk.run(
            *desk.command("forward")[1:], f"{found.port()}:kubernetes.default:443", "-o", "json"
        )
        assert done.code == 7
        assert "is taken by another program" in done.error["message"]
        assert "LOCAL:REMOTE" in done.error["hint"]


def test_what_does_not_answer_is_told_and_tried_again(cluster, namespace, deploy, forwarded):
    deploy(workload(cluster, "web", replicas=0), service("web"), wait=False)
    with forwarded("service/web", "0:80") as found:
        warned = [event for event in found.session.events if event["event"] == "warning"]
        assert "can't reach" in warned[0]["message"]
        cluster.kubectl("scale", "deployment", "web", f"--namespace={namespace}", "--replicas=1")
        wait_until(lambda: found.answered_by().startswith("web-"), 30)
