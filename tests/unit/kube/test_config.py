import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from ktconnect.errors import UsageError
from ktconnect.kube.config import KubeConfig, Plugin, in_cluster, load

PEM = "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n"
DATA = base64.b64encode(PEM.encode()).decode()


def kubeconfig(folder: Path, *, name: str = "config", **parts: dict[str, Any]) -> str:
    document = {
        "clusters": [
            {"name": "cl", "cluster": {"server": "https://h:6443", **parts.get("cluster", {})}}
        ],
        "users": [{"name": "us", "user": parts.get("user", {})}],
        "contexts": [
            {"name": "ctx", "context": {"cluster": "cl", "user": "us", **parts.get("context", {})}},
            {"name": "bare", "context": {"cluster": "cl"}},
            {"name": "lost", "context": {"cluster": "cl", "user": "nobody"}},
        ],
        "current-context": "ctx",
    }
    path = folder / name
    path.write_text(yaml.safe_dump(document))
    return str(path)


def loaded(
    folder: Path, context: str | None = None, environ: Any = None, **parts: Any
) -> KubeConfig:
    return load(kubeconfig(folder, **parts), context, environ=environ or {}, home=folder)


def test_the_current_context_and_its_namespace_are_taken(tmp_path):
    config = loaded(tmp_path)
    assert (config.context, config.namespace, config.user) == ("ctx", "default", "us")
    other = kubeconfig(tmp_path, name="other", context={"namespace": "demo"})
    config = load(other, None, environ={})
    assert config.namespace == "demo"
    assert config.source == other


def test_a_context_without_user_is_anonymous(tmp_path):
    config = loaded(tmp_path, "bare")
    assert (config.user, config.login.token) == ("", "")


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("https://h:6443/", "https://h:6443"),
        ("https://rancher/k8s/clusters/c-x/", "https://rancher/k8s/clusters/c-x"),
        ("https://[fd00::1]:6443", "https://[fd00::1]:6443"),
        ("localhost:8080", "http://localhost:8080"),
    ],
)
def test_server_urls_may_have_paths_slashes_and_ipv6(tmp_path, given, used):
    assert loaded(tmp_path, cluster={"server": given}).server == used


@pytest.mark.parametrize(
    "server", ["", "ftp://h", "https://", "https://[::1:6443", "https://h:port"]
)
def test_a_server_that_is_no_url_is_refused(tmp_path, server):
    with pytest.raises(UsageError, match="no usable server URL"):
        loaded(tmp_path, cluster={"server": server})


def test_an_unknown_context_names_the_file_and_those_that_exist(tmp_path):
    with pytest.raises(UsageError, match=r"there is no context 'nope' in .*config") as caught:
        loaded(tmp_path, "nope")
    assert "bare, ctx, lost" in caught.value.hint


def test_no_current_context_is_said_so(tmp_path):
    path = tmp_path / "config"
    path.write_text("contexts: [{name: a, context: {}}]")
    with pytest.raises(UsageError, match="no current context is set"):
        load(str(path), None, environ={})


def test_no_configuration_at_all_is_said_so(tmp_path):
    with pytest.raises(UsageError, match="no cluster is configured: KUBECONFIG is not set"):
        load(None, None, environ={}, home=tmp_path)


def test_files_of_kubeconfig_that_are_not_there_are_named(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    with pytest.raises(UsageError, match=f"KUBECONFIG names {one}, which does not exist") as caught:
        load(None, None, environ={"KUBECONFIG": str(one)}, home=tmp_path)
    assert caught.value.hint == "correct KUBECONFIG, or pass --kubeconfig FILE"
    with pytest.raises(UsageError, match=f"{one}, {two}, which do not exist"):
        load(None, None, environ={"KUBECONFIG": f"{one}:{two}"}, home=tmp_path)


def test_a_file_of_kubeconfig_that_can_not_be_looked_at_is_named(tmp_path):
    below_a_file = tmp_path / "one"
    below_a_file.write_text("")
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for path in (below_a_file / "config", loop):
        with pytest.raises(UsageError, match=str(path)):
            load(None, None, environ={"KUBECONFIG": str(path)}, home=tmp_path)
    long = "x" * 300  # longer than a file's name may be, so that one can't even look
    with pytest.raises(UsageError, match=f"{long} can't be read: File name too long"):
        load(None, None, environ={"KUBECONFIG": long}, home=tmp_path)
    with pytest.raises(UsageError, match=f"{tmp_path} can't be read"):
        load(None, None, environ={"KUBECONFIG": str(tmp_path)}, home=tmp_path)


def test_a_context_that_names_a_user_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UsageError, match="names user 'nobody'"):
        loaded(tmp_path, "lost")


def test_trust_comes_from_data_or_from_a_file_beside_the_kubeconfig(tmp_path):
    assert loaded(tmp_path, cluster={"certificate-authority-data": DATA}).authority == PEM
    (tmp_path / "ca.pem").write_text(PEM)
    assert loaded(tmp_path, cluster={"certificate-authority": "ca.pem"}).authority == PEM


def test_a_missing_file_and_bad_data_are_named_without_content(tmp_path):
    with pytest.raises(UsageError, match=r"certificate-authority .*nope.pem .*No such file"):
        loaded(tmp_path, cluster={"certificate-authority": "nope.pem"})
    with pytest.raises(UsageError, match=r"client-key-data .*not valid base64") as caught:
        loaded(tmp_path, user={"client-key-data": "%%geheim"})
    assert "geheim" not in str(caught.value)


def test_the_other_fields_of_a_cluster_are_kept(tmp_path):
    cluster = {"insecure-skip-tls-verify": True, "tls-server-name": "n"}
    config = loaded(tmp_path, cluster=cluster)
    assert (config.insecure, config.tls_server_name) == (True, "n")


def test_the_proxy_of_the_cluster_beats_the_environment(tmp_path):
    environ = {"HTTPS_PROXY": "http://env:1"}
    assert loaded(tmp_path, environ=environ).proxy_url == "http://env:1"
    cluster = {"proxy-url": "socks5://own:2"}
    assert loaded(tmp_path, environ=environ, cluster=cluster).proxy_url == "socks5://own:2"


def test_every_way_to_log_in_is_read(tmp_path):
    user = {
        "token": "t",
        "tokenFile": "tok",
        "username": "n",
        "password": "p",
        "client-certificate-data": DATA,
        "client-key-data": DATA,
        "as": "boss",
        "as-groups": ["g"],
    }
    login = loaded(tmp_path, user=user).login
    assert (login.token, login.token_file) == ("t", tmp_path / "tok")
    assert (login.username, login.password) == ("n", "p")
    assert (login.certificate, login.key) == (PEM, PEM)
    assert (login.impersonate, login.impersonate_groups) == ("boss", ("g",))


def test_it_is_known_which_files_hold_the_certificate_and_its_key(tmp_path):
    for name in ("c.pem", "k.pem"):
        (tmp_path / name).write_text(PEM)
    user = {"client-certificate": "c.pem", "client-key": "k.pem"}
    login = loaded(tmp_path, user=user).login
    assert (login.certificate, login.key) == (PEM, PEM)
    assert login.certificate_files == (tmp_path / "c.pem", tmp_path / "k.pem")
    held = loaded(tmp_path, user={**user, "client-key-data": DATA}).login
    assert (held.key, held.certificate_files) == (PEM, None)
    assert loaded(tmp_path).login.certificate_files is None


def test_secrets_are_not_shown_by_repr(tmp_path):
    user = {"token": "geheim", "password": "geheim", "exec": plugin(args=["geheim"])}
    config = loaded(tmp_path, user=user, cluster={"proxy-url": "http://u:geheim@p:1"})
    assert "geheim" not in repr(config)


def plugin(**fields: Any) -> dict[str, Any]:
    version = "client.authentication.k8s.io/v1"
    return {"apiVersion": version, "command": "helper", "interactiveMode": "Never", **fields}


def test_an_exec_plugin_is_read_in_full(tmp_path):
    fields = plugin(
        args=["a", 1],
        env=[{"name": "N", "value": "v"}],
        installHint=" get it \n",
        provideClusterInfo=True,
    )
    assert loaded(tmp_path, user={"exec": fields}).login.plugin == Plugin(
        "helper",
        ("a", "1"),
        (("N", "v"),),
        "client.authentication.k8s.io/v1",
        "get it",
        "Never",
        True,
    )


@pytest.mark.parametrize(
    ("command", "run"), [("helper", "helper"), ("./helper", "{}/helper"), ("/bin/h", "/bin/h")]
)
def test_a_relative_plugin_lies_beside_the_kubeconfig(tmp_path, command, run):
    found = loaded(tmp_path, user={"exec": plugin(command=command)}).login.plugin
    assert found
    assert found.command == run.format(tmp_path)


@pytest.mark.parametrize(
    "fields",
    [{"apiVersion": "client.authentication.k8s.io/v1alpha1"}, {"interactiveMode": "Perhaps"}],
)
def test_a_plugin_of_an_unknown_kind_is_refused(tmp_path, fields):
    with pytest.raises(UsageError, match="is not supported"):
        loaded(tmp_path, user={"exec": plugin(**fields)})


@pytest.mark.parametrize("user", [{"exec": "login"}, {"tokenFile": 7}, {"exec": {"env": [{}]}}])
def test_a_user_of_another_shape_is_refused(tmp_path, user):
    with pytest.raises(UsageError, match="user 'us' of the kubeconfig is malformed"):
        loaded(tmp_path, user=user)


def test_an_auth_provider_is_refused_with_what_to_do(tmp_path):
    with pytest.raises(UsageError, match="auth-provider 'gcp' is gone") as caught:
        loaded(tmp_path, user={"auth-provider": {"name": "gcp"}})
    assert "exec plugin" in caught.value.hint


def test_in_a_pod_the_service_account_is_the_last_resort(tmp_path):
    environ = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}
    with pytest.raises(UsageError, match="no ServiceAccount in"):
        load(None, None, environ=environ, home=tmp_path)
    for name, text in (("namespace", "demo\n"), ("ca.crt", PEM), ("token", "t")):
        (tmp_path / name).write_text(text)
    config = in_cluster(environ, tmp_path)
    assert (config.server, config.namespace) == ("https://[fd00::1]:443", "demo")
    assert config.login.token_file == tmp_path / "token"
