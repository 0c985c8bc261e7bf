"""What KT Connect's own integration test does, by its commands and flags; nothing of it is left."""

import contextlib
import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from playground.cluster import Playground
from playground.testing import Deploy
from tests.cluster.connecting import HOME, KTCTL, connected, started, wait_until
from tests.cluster.patience import at_last
from tests.cluster.session import Session
from tests.cluster.taking import nothing_of_ours

pytestmark = pytest.mark.cluster

REMOTE, LOCAL = "kt-connect demo v1", "kt-connect local v2"
PORT = 8080
IMAGES = {"mesh": ("--image", "python", "--routerImage", "envoy")}
ANSWERING = f"""
import http.server, sys
class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = sys.argv[1].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(("", {PORT}), Answer).serve_forever()
"""


def tomcat(cluster: Playground) -> list[dict[str, Any]]:
    """Their demo: a Deployment of one, and its Service."""
    labels = {"app": "tomcat"}
    container = {
        "name": "tomcat",
        "image": cluster.state.images["python"],
        "command": ["python3", "-c", ANSWERING, REMOTE],
        "ports": [{"containerPort": PORT}],
        "readinessProbe": {"httpGet": {"port": PORT, "path": "/"}, "periodSeconds": 1},
    }
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 0},
    }
    name = {"name": "tomcat"}
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": name,
            "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": name,
            "spec": {"selector": labels, "ports": [{"port": PORT, "targetPort": PORT}]},
        },
    ]


def written(cluster: Playground, namespace: str) -> list[str]:
    """All of the user's objects that anybody but a controller writes, byte for byte."""
    found = cluster.get("services/tomcat", "deployments/tomcat", f"--namespace={namespace}")
    kept = ("labels", "annotations", "uid", "finalizers", "ownerReferences")
    told = []
    for each in found["items"]:
        notes = dict(each["metadata"].get("annotations") or {})
        notes.pop("deployment.kubernetes.io/revision", None)
        metadata = {key: each["metadata"].get(key) for key in kept} | {"annotations": notes}
        told.append(json.dumps([each["kind"], metadata, each["spec"]], sort_keys=True))
    return told


def answer(cluster: Playground, url: str, *headers: str) -> str:
    """What a program of the laptop gets there; "" for nothing."""
    flags = [word for each in headers for word in ("-H", each)]
    done = cluster.laptop(["curl", "-sS", "-m", "5", *flags, url])
    return done.stdout


def first_answer(cluster: Playground, url: str, *headers: str) -> str:
    """What it gets once it gets anything at all: the machine may be busy with other things."""
    found = wait_until(lambda: answer(cluster, url, *headers), within=15)
    return str(found)


def answers(cluster: Playground, url: str, wanted: str, *headers: str) -> None:
    """It does in the end, as their script, too, asks again and again."""
    wait_until(lambda: answer(cluster, url, *headers) == wanted, within=15, every=0.3)


@contextlib.contextmanager
def running(cluster: Playground, namespace: str, *words: str) -> Iterator[Session]:
    """``ktctl WORDS`` is ready, until something else is done; Ctrl-C then, which must succeed."""
    images = [
        cluster.state.images.get(word, word) for word in IMAGES.get(words[0], ("--image", "python"))
    ]
    argv = [KTCTL, "-n", namespace, *words, *images, "-o", "json"]
    with started(cluster, argv) as session:
        session.wait_for(lambda event: event["event"] == "ready", at_last(30))
        yield session
        code = session.stop()
        assert code == 0, f"exit code {code}:\n{session.story()}"


@pytest.fixture
def local_version(cluster: Playground) -> Iterator[None]:
    """The version that is developed on the laptop."""
    process = cluster.laptop_popen([sys.executable, "-c", ANSWERING, LOCAL])
    try:
        answers(cluster, f"http://127.0.0.1:{PORT}", LOCAL)
        yield
    finally:
        process.kill()
        process.wait()


def connects(cluster: Playground, namespace: str) -> None:
    """Pod, Service and every form of its name answer; the session is known here and there."""
    where = f"--namespace={namespace}"
    [pod] = cluster.get("pods", where, "--selector=app=tomcat")["items"]
    service = cluster.get("service", "tomcat", where)
    hosts = [
        pod["status"]["podIP"],
        service["spec"]["clusterIP"],
        f"tomcat.{namespace}.svc.cluster.local",
        f"tomcat.{namespace}",
        "tomcat",
    ]
    for host in hosts:
        answers(cluster, f"http://{host}:{PORT}", REMOTE)
    [agent] = cluster.get("pods", where, "--selector=kt-role=shadow-connect")["items"]
    assert agent["metadata"]["name"].startswith("kt-connect-")
    assert cluster.laptop(["sh", "-c", f"ls {HOME}/.kt/pid/connect-*.pid"]).returncode == 0


def test_the_whole_flow_of_kt_connects_own_test(cluster, namespace, local_version):
    Deploy(cluster, namespace)(*tomcat(cluster))
    before = written(cluster, namespace)
    url = f"http://tomcat:{PORT}"
    with connected(cluster, namespace):
        connects(cluster, namespace)
        mesh = ("mesh", "tomcat", "--mode", "auto", "--versionMark", "ci")
        with running(cluster, namespace, *mesh, "--expose", str(PORT)):
            answers(cluster, url, LOCAL, "VERSION: ci")
            assert first_answer(cluster, url) == REMOTE
            assert first_answer(cluster, url, "VERSION: other") == REMOTE
        answers(cluster, url, REMOTE, "VERSION: ci")
        exchange = ("exchange", "deployment/tomcat", "--mode", "scale")
        preview = ("preview", "tomcat-preview")
        with running(cluster, namespace, *exchange, "--expose", str(PORT)):
            answers(cluster, url, LOCAL)
            with running(cluster, namespace, *preview, "--expose", str(PORT)):
                answers(cluster, f"http://tomcat-preview:{PORT}", LOCAL)
        answers(cluster, url, REMOTE)
    wait_until(lambda: nothing_of_ours(cluster, namespace), within=15)
    assert written(cluster, namespace) == before
    services = cluster.get("services", f"--namespace={namespace}")["items"]
    assert [each["metadata"]["name"] for each in services] == ["tomcat"]
