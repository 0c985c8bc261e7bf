"""The fixtures of this tier do what they say."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playground.cluster import Playground
from playground.testing import Deploy, Laptop

pytestmark = pytest.mark.cluster

POD = """
apiVersion: v1
kind: Pod
metadata: {name: echo}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: echo
    image: kt.local/echo:1
    readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}
"""


def test_deploy_waits_until_what_it_made_is_ready(
    cluster: Playground, namespace: str, deploy: Deploy
) -> None:
    deploy(POD)
    found = cluster.get("pod", "echo", "-n", namespace)["status"]["conditions"]
    assert {each["type"]: each["status"] for each in found}["Ready"] == "True"


def test_the_laptop_runs_commands_as_root_or_as_an_ordinary_user(laptop: Laptop) -> None:
    assert laptop("id", "-u", check=True).stdout == "0\n"
    assert laptop("id", "-u", user=1000, check=True).stdout == "1000\n"


def test_a_command_left_running_on_the_laptop_takes_signals_itself(laptop: Laptop) -> None:
    process = laptop.popen("sleep", "100")
    process.terminate()
    assert process.wait(5) == -15


def test_a_limited_user_may_do_no_more_than_asked(
    limited_user: Callable[[list[dict[str, list[str]]]], Path], laptop: Laptop
) -> None:
    file = limited_user([{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}])
    get = ["kubectl", f"--kubeconfig={file}", "get"]
    assert laptop(*get, "pods").returncode == 0
    assert laptop(*get, "services").returncode == 1
