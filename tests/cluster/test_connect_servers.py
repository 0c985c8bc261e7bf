"""The ways to the API server: kubeconfigs, credentials, proxies."""

import base64
import contextlib
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tests.cluster import kubeconfigs
from tests.cluster.connecting import (
    connected,
    lookup,
    ours,
    wait_until,
)

pytestmark = pytest.mark.cluster

REVERSE_PROXY = str(Path(__file__).with_name("proxies.py"))


def test_the_context_s_namespace_is_the_default(cluster, namespace, tmp_path):
    config = kubeconfigs.changed(
        cluster, tmp_path / "config", context_part=lambda part: part.update(namespace=namespace)
    )
    with connected(cluster, "", "--kubeconfig", config) as session:
        assert session.ready["namespace"] == namespace
        assert f"Lease/{session.name}" in ours(cluster, namespace)


def split(cluster, folder):
    """The kubeconfig in three files: clusters, users, contexts; as KUBECONFIG lists them."""
    whole = kubeconfigs.admin(cluster)
    paths = []
    for section in ("clusters", "users", "contexts"):
        kept = {key: value for key, value in whole.items() if not isinstance(value, list)}
        if section != "contexts":
            kept.pop("current-context")
        paths.append(folder / section)
        paths[-1].write_text(yaml.safe_dump({**kept, section: whole[section]}))
    return ":".join(["/nosuch/is-skipped", *map(str, paths)])


def test_a_list_of_kubeconfigs_is_merged(cluster, namespace, tmp_path):
    with connected(cluster, namespace, env={"KUBECONFIG": split(cluster, tmp_path)}):
        assert lookup(cluster, "kubernetes.default") == ["A 10.96.0.1"]


def test_a_context_is_chosen_by_name(cluster, namespace, tmp_path):
    whole = kubeconfigs.admin(cluster)
    [context] = whole["contexts"]
    whole["contexts"].append({"name": "other", "context": {**context["context"]}})
    whole["current-context"] = "gone"
    (tmp_path / "config").write_text(yaml.safe_dump(whole))
    flags = ["--kubeconfig", str(tmp_path / "config"), "--context", "other"]
    with connected(cluster, namespace, *flags):
        pass


def bind(cluster, namespace):
    """Give the namespace's default ServiceAccount the documented Role."""
    api = "rbac.authorization.k8s.io"
    role = {"apiVersion": f"{api}/v1", "kind": "Role", "metadata": {"name": "connect"}}
    binding = {"apiVersion": f"{api}/v1", "kind": "RoleBinding", "metadata": {"name": "connect"}}
    who = {"kind": "ServiceAccount", "name": "default", "namespace": namespace}
    reference = {"apiGroup": api, "kind": "Role", "name": "connect"}
    objects = [
        {**role, "rules": kubeconfigs.documented_rules()},
        {**binding, "roleRef": reference, "subjects": [who]},
    ]
    cluster.apply(objects, namespace)
    wait_until(
        lambda: (
            "default"
            in cluster.kubectl("get", "serviceaccounts", "-o", "name", f"--namespace={namespace}")
        )
    )
    return kubeconfigs.token(cluster, namespace)


def test_a_token_is_enough(cluster, namespace, tmp_path):
    user = kubeconfigs.replaced(token=bind(cluster, namespace))
    config = kubeconfigs.changed(cluster, tmp_path / "config", user_part=user)
    with connected(cluster, namespace, "--kubeconfig", config):
        pass


def test_a_token_in_a_file_is_read(cluster, namespace, tmp_path):
    (tmp_path / "token").write_text(bind(cluster, namespace) + "\n")
    user = kubeconfigs.replaced(tokenFile="token")
    config = kubeconfigs.changed(cluster, tmp_path / "config", user_part=user)
    with connected(cluster, namespace, "--kubeconfig", config):
        pass


PLUGIN = """#!/bin/sh
test -n "$KUBERNETES_EXEC_INFO" || exit 1
test "$REGION" = here || exit 1
printf '%s' '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",'
printf '"status":{"token":"%s"}}' "$(cat "$1")"
"""


def test_a_credential_plugin_is_asked(cluster, namespace, tmp_path):
    """By a path relative to the kubeconfig, with its arguments and environment."""
    (tmp_path / "token").write_text(bind(cluster, namespace))
    (tmp_path / "plugin").write_text(PLUGIN)
    (tmp_path / "plugin").chmod(0o755)
    entry = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "./plugin",
        "args": [str(tmp_path / "token")],
        "env": [{"name": "REGION", "value": "here"}],
        "interactiveMode": "Never",
        "provideClusterInfo": True,
    }
    user = kubeconfigs.replaced(exec=entry)
    config = kubeconfigs.changed(cluster, tmp_path / "config", user_part=user)
    with connected(cluster, namespace, "--kubeconfig", config):
        pass


def test_a_client_certificate_in_files_is_used(cluster, namespace, tmp_path):
    def to_files(part):
        for key, name in (("client-certificate", "crt"), ("client-key", "key")):
            (tmp_path / name).write_bytes(base64.b64decode(part.pop(f"{key}-data")))
            part[key] = name

    config = kubeconfigs.changed(cluster, tmp_path / "config", user_part=to_files)
    with connected(cluster, namespace, "--kubeconfig", config):
        pass


@contextlib.contextmanager
def helper_on_laptop(laptop, *argv):
    """A program of proxies.py; yields once it listens."""

    process = laptop.popen(sys.executable, REVERSE_PROXY, *argv, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    yield
    process.terminate()


def test_an_api_server_behind_a_path_is_reached(cluster, namespace, laptop, tmp_path):
    config = kubeconfigs.admin(cluster)
    (tmp_path / "admin").write_text(yaml.safe_dump(config))

    def behind(part):
        part.clear()
        part["server"] = "http://127.0.0.1:8001/k8s/clusters/c-x/"

    found = kubeconfigs.changed(
        cluster,
        tmp_path / "config",
        cluster_part=behind,
        user_part=kubeconfigs.replaced(token="anything"),
    )
    with helper_on_laptop(laptop, "path", "8001", "/k8s/clusters/c-x", str(tmp_path / "admin")):
        with connected(cluster, namespace, "--kubeconfig", found):
            assert lookup(cluster, "kubernetes.default") == ["A 10.96.0.1"]


@pytest.mark.parametrize("way", ["kubeconfig", "environment"])
def test_an_api_server_behind_a_proxy_is_reached(cluster, namespace, laptop, tmp_path, way):
    """The proxy is the only way: the kubeconfig's server has a name that only it knows."""
    url = "http://127.0.0.1:8002"

    def change(part):
        part["server"] = "https://api.behind.proxy:6443"
        part["tls-server-name"] = "kubernetes"
        if way == "kubeconfig":
            part["proxy-url"] = url

    config = kubeconfigs.changed(cluster, tmp_path / "config", cluster_part=change)
    env = {"HTTPS_PROXY": url} if way == "environment" else {}
    with helper_on_laptop(laptop, "connect", "8002", "10.213.0.11:6443"):
        with connected(cluster, namespace, "--kubeconfig", config, env=env) as session:
            assert lookup(cluster, "kubernetes.default") == ["A 10.96.0.1"]
            session.wait_health("up", 5, after=len(session.events))


def test_an_api_server_that_only_the_hosts_file_knows_is_reached(cluster, namespace, tmp_path):
    def change(part):
        part["server"] = "https://api.private:6443"
        part["tls-server-name"] = "kubernetes"

    config = kubeconfigs.changed(cluster, tmp_path / "config", cluster_part=change)
    usual = cluster.laptop(["cat", "/etc/hosts"]).stdout
    cluster.laptop(["sh", "-c", "echo 10.213.0.11 api.private >> /etc/hosts"])
    try:
        with connected(cluster, namespace, "--kubeconfig", config) as session:
            assert lookup(cluster, "kubernetes.default") == ["A 10.96.0.1"]
            session.wait_health("up", 5, after=len(session.events))
    finally:
        cluster.laptop(["sh", "-c", "cat > /etc/hosts"], input=usual)
