"""Bad input, and API servers and credentials that are none: told before anything is created."""

import pytest
from tests.cluster import kubeconfigs
from tests.cluster.connecting import command, ours, run_ktctl
from tests.cluster.namespaces import own_namespace
from tests.cluster.patience import allowed

pytestmark = pytest.mark.cluster

BAD_INPUT = [
    (["-n", "Not_A_Name"], "can't be the name of a namespace"),
    (["-n", "x" * 64], "can't be the name of a namespace"),
    (["--includeIps", "10.1.0.0/33"], "--includeIps"),
    (["--includeIps", "10.1.2.3/16"], "--includeIps"),
    (["--includeIps", "not-an-address"], "--includeIps"),
    (["--excludeIps", "10.1.0.0/16,,nonsense"], "--excludeIps"),
    (["--proxyAddr", "localhost"], "--proxyAddr"),
    (["--proxyAddr", "192.0.2.1"], "needs --disableTunDevice"),
    (["--proxyPort", "65536"], "65536"),
    (["--proxyPort", "x"], "x"),
    (["--ingressIp", "300.1.1.1"], "--ingressIp"),
    (["--includeDomains", "a..b"], "--includeDomains"),
    (["--clusterDomain", "-x-"], "--clusterDomain"),
    (["--clusterDomain", ""], "--clusterDomain"),
    (["--dnsMode", "magic"], "--dnsMode"),
    (["--dnsMode", "hosts:Bad_Name"], "can't be the name of a namespace"),
    (["--dnsMode", "localDNS:nonsense"], "order"),
    (["--dnsCacheTtl", "-1"], "-1"),
    (["--podQuota", "lots"], "--podQuota"),
    (["--withLabel", "a=b c"], "--withLabel"),
    (["--withLabel", "novalue"], "--withLabel"),
    (["--withAnnotation", "novalue"], "--withAnnotation"),
    (["--nodeSelector", "=x"], "--nodeSelector"),
    (["--image", "two words"], "--image"),
    (["--podCreationTimeout", "0"], "0"),
    (["--ipVersion", "5"], "5"),
    (["--disableTunDevice", "--forwarded"], "exclude each other"),
    (["--disableTunDevice", "--disableTunRoute"], "exclude each other"),
    (["--noSuchFlag"], "nosuchflag"),
    (["surplus"], "surplus"),
    (["--context", "nosuch"], "nosuch"),
    (["--kubeconfig", "/nosuch/file"], "/nosuch/file"),
]


@pytest.mark.parametrize(("flags", "said"), BAD_INPUT, ids=[" ".join(f)[:40] for f, _ in BAD_INPUT])
def test_bad_input_is_told_in_one_message_before_anything_is_created(
    cluster, namespace_once, flags, said
):
    where = [] if "-n" in flags else ["-n", namespace_once]
    ended = run_ktctl(cluster, "connect", *where, *flags)
    assert ended.code == 2, ended
    assert said.lower() in ended.stderr.lower()
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""


@pytest.fixture(scope="module")
def namespace_once(cluster):
    """One for all tests that must make nothing in it."""
    with own_namespace(cluster, "refused") as name:
        yield name
        assert ours(cluster, name) == []


def unreachable(cluster, tmp_path, **parts):
    return ["--kubeconfig", kubeconfigs.changed(cluster, tmp_path / "config", **parts)]


@pytest.mark.parametrize(
    ("server", "within"),
    [
        ("https://10.214.0.2:1", 10),
        ("https://10.213.0.12:6443", 25),
        ("https://nosuch.invalid", 10),
    ],
    ids=["nobody listens", "nobody answers", "no such name"],
)
def test_a_dead_api_server_is_named(cluster, tmp_path, namespace_once, server, within):
    flags = unreachable(cluster, tmp_path, cluster_part=lambda part: part.update(server=server))
    ended = run_ktctl(cluster, *command(cluster, namespace_once, *flags)[1:])
    assert ended.code == ended.error["exitCode"] == 3
    assert server.removeprefix("https://").split(":")[0] in ended.error["message"]
    assert ended.seconds < allowed(within)


def test_an_api_server_with_another_certificate_is_not_trusted(cluster, tmp_path, namespace_once):
    def no_ca(part):
        part.pop("certificate-authority-data", None)
        part.pop("certificate-authority", None)

    flags = unreachable(cluster, tmp_path, cluster_part=no_ca)
    ended = run_ktctl(cluster, *command(cluster, namespace_once, *flags)[1:])
    assert ended.code == 3
    assert "certificate" in ended.error["message"]


@pytest.mark.parametrize(
    "user",
    [
        {"token": "expired"},
        {"username": "me", "password": "secret"},
        {},
    ],
    ids=["bad token", "password", "nothing"],
)
def test_credentials_that_are_not_accepted_are_told_as_such(
    cluster, tmp_path, namespace_once, user
):
    flags = unreachable(cluster, tmp_path, user_part=kubeconfigs.replaced(**user))
    ended = run_ktctl(cluster, *command(cluster, namespace_once, *flags)[1:])
    assert ended.code == 4
    assert ended.error["hint"]


PLUGINS = [
    ({"command": "/nosuch/plugin"}, "/nosuch/plugin"),
    ({"command": "sh", "args": ["-c", "echo please log in >&2; exit 3"]}, "please log in"),
    ({"command": "echo", "args": ["no JSON"]}, "echo"),
]


@pytest.mark.parametrize(("plugin", "said"), PLUGINS, ids=["missing", "fails", "says nonsense"])
def test_a_credential_plugin_that_fails_is_quoted(cluster, tmp_path, namespace_once, plugin, said):
    entry = {"apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never", **plugin}
    flags = unreachable(cluster, tmp_path, user_part=kubeconfigs.replaced(exec=entry))
    ended = run_ktctl(cluster, *command(cluster, namespace_once, *flags)[1:])
    assert ended.code != 0
    assert said in ended.error["message"]
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "text", ["{", "clusters: 7\n", "apiVersion: v1\nkind: Config\n", "current-context: gone\n"]
)
def test_a_kubeconfig_that_is_none_is_told(cluster, tmp_path, text):
    (tmp_path / "config").write_text(text)
    ended = run_ktctl(cluster, "connect", "--kubeconfig", str(tmp_path / "config"))
    assert ended.code == 2
    assert "Traceback" not in ended.stderr


def test_no_kubeconfig_at_all_is_told(cluster):
    ended = run_ktctl(cluster, "connect", env={"KUBECONFIG": "", "HOME": "/run/nosuch"})
    assert ended.code in (2, 3)
    assert "Traceback" not in ended.stderr


def test_without_root_sudo_or_the_proxy_is_offered(cluster, namespace_once):
    flags = ["--kubeconfig", str(cluster.kubeconfig)]
    ended = run_ktctl(cluster, *command(cluster, namespace_once, *flags)[1:], user=1000)
    assert ended.code == 7
    assert "sudo" in ended.error["hint"]
    assert "--disableTunDevice" in ended.error["hint"]
