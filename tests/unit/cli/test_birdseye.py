import asyncio
import json
import threading
from contextlib import contextmanager

import pytest
from tests.unit.modes.connecting import in_cluster

from ktconnect.cli.birdseye import marks
from ktconnect.cli.main import run

KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: fake
contexts: [{{name: fake, context: {{cluster: c, user: u, namespace: demo}}}}]
clusters: [{{name: c, cluster: {{server: "{url}"}}}}]
users: [{{name: u, user: {{token: secret}}}}]
"""


@contextmanager
def api_server():
    """A fake one on a thread of its own, as the command has a loop of its own."""
    started, stop = threading.Event(), []
    found = {}

    async def serve():
        async with in_cluster() as (api, _, _):
            stopping = asyncio.Event()
            stop.append((asyncio.get_running_loop(), stopping))
            found["api"] = api
            started.set()
            await stopping.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert started.wait(10)
    try:
        yield found["api"]
    finally:
        [(loop, stopping)] = stop
        loop.call_soon_threadsafe(stopping.set)
        thread.join(10)


@pytest.fixture
def kubeconfig(tmp_path):
    with api_server() as api:
        path = tmp_path / "config"
        path.write_text(KUBECONFIG.format(url=api.url))
        yield ["--kubeconfig", str(path)]


def test_a_person_reads_a_table_and_a_program_an_object(kubeconfig, capsys):
    assert run(["birdseye", *kubeconfig, "--showConnector"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[:2] == [
        "NAME  STATUS  SINCE  STATE  MARK",
        "web   normal  -      -      -",
    ]
    assert "Total connectors: 0" in out
    assert run(["birdseye", *kubeconfig, "-A", "-o", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in told["services"]] == ["web"]
    assert told["connectors"] == []


def test_marks_stand_in_the_order_of_their_sessions():
    shared = {"sessions": [{"mark": "ci"}, {"mark": ""}, {"mark": "user:bob"}]}
    assert marks(shared) == "ci; -; user:bob"
    assert marks({"sessions": [{"mark": ""}]}) == ""


def test_what_is_normal_can_be_hidden(kubeconfig, capsys):
    assert run(["birdseye", *kubeconfig, "--hideNaturalService", "--sortBy", "NAME"]) == 0
    assert "no Service is taken" in capsys.readouterr().out


def test_a_namespace_that_is_not_there_is_refused(kubeconfig, capsys):
    assert run(["birdseye", *kubeconfig, "-n", "nix"]) == 2
    assert "no namespace nix" in capsys.readouterr().err
