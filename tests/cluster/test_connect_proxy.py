"""Without root: a SOCKS and HTTP proxy, by which curl and the like reach the cluster."""

import json

import pytest
from tests.cluster.connecting import command, connected, laptop_state, ours, run_ktctl

pytestmark = pytest.mark.cluster

USER = 1000
INCLUDES = ["--includeIps", "198.51.100.0/24", "--includeDomains", "corp.example"]


@pytest.fixture(scope="module")
def session(cluster, world):
    """An ordinary user's, who has a kubeconfig that only root may write."""
    flags = ["--disableTunDevice", *INCLUDES, "--kubeconfig", str(cluster.kubeconfig)]
    before = laptop_state(cluster)
    with connected(cluster, world.namespace, *flags, user=USER) as found:
        assert laptop_state(cluster) == before
        yield found


def curl(cluster, *argv, **options):
    """What curl of an ordinary user gets; nothing of it may go round the proxy."""
    command = ["curl", "-sSk", "-m", "20", "--noproxy", "none", *argv]
    return cluster.laptop(command, user=USER, **options)


SOCKS5, SOCKS4A, HTTP = "--socks5-hostname", "--socks4a", "--proxy"
BY_NAME = [
    pytest.param(flag, host, id=f"{flag[2:8]}-{host}")
    for flag in (SOCKS5, SOCKS4A, HTTP)
    for host in ("web", "web.{ns}", "web.{ns}.svc", "web.{ns}.svc.cluster.local")
]


@pytest.mark.parametrize(("flag", "host"), BY_NAME)
def test_names_are_resolved_in_the_cluster(cluster, world, session, flag, host):
    proxy = session.ready["facts"]["proxy"]
    url = f"http://{host.format(ns=world.namespace)}/"
    answer = json.loads(curl(cluster, flag, proxy, url).stdout)
    assert answer["pod"].startswith("web-")


@pytest.mark.parametrize("flag", [SOCKS5, HTTP])
@pytest.mark.parametrize(
    ("host", "pod"),
    [
        ("db-1.db:8080", "db-1"),
        ("db-0.db.{ns}:8080", "db-0"),
        ("far.{other}", "far-"),
        ("outside", ""),
        ("198.51.100.10", ""),
        ("db.corp.example", ""),
        ("example.com", ""),
        ("203.0.113.10", ""),
    ],
)
def test_everything_there_is_is_reached(cluster, world, session, flag, host, pod):
    proxy = session.ready["facts"]["proxy"]
    url = f"http://{host.format(ns=world.namespace, other=world.other)}/"
    done = curl(cluster, flag, proxy, url)
    assert done.stdout, done.stderr
    assert json.loads(done.stdout)["pod"].startswith(pod)


@pytest.mark.parametrize("flag", [SOCKS5, HTTP])
@pytest.mark.parametrize("kind", ["pod", "service"])
@pytest.mark.parametrize("family", [4, 6])
def test_addresses_are_reached(cluster, world, session, flag, kind, family):
    address = world.address(kind, "web", family)
    where = f"[{address}]" if family == 6 else address
    port = 8080 if kind == "pod" else 80
    done = curl(cluster, flag, session.ready["facts"]["proxy"], f"http://{where}:{port}/")
    assert json.loads(done.stdout)["pod"].startswith("web-"), done.stderr


@pytest.mark.parametrize("flag", [SOCKS5, HTTP])
def test_tls_passes_through(cluster, session, flag):
    url = "https://kubernetes.default/version"
    done = curl(cluster, flag, session.ready["facts"]["proxy"], url)
    assert "gitVersion" in done.stdout, done.stderr


def test_the_environment_that_is_advised_works(cluster, world, session):
    [line] = [each for each in session.ready["advice"] if each.startswith("export ")]
    script = f"{line}; curl -sS -m 8 http://web.{world.namespace}/"
    done = cluster.laptop(["sh", "-ec", script], user=USER)
    assert json.loads(done.stdout)["pod"].startswith("web-")


@pytest.mark.parametrize("flag", [SOCKS5, HTTP])
@pytest.mark.parametrize("host", ["nosuch.{ns}", "nosuch.invalid", "{address}:9"])
def test_what_is_not_there_is_told_soon(cluster, world, session, flag, host):
    address = world.address("pod", "web-", 4)
    url = f"http://{host.format(ns=world.namespace, address=address)}/"
    done = curl(cluster, "-f", flag, session.ready["facts"]["proxy"], url)
    assert done.returncode not in (0, 28), done  # 28: timed out


def test_nothing_else_of_the_laptop_is_changed(cluster, world, session):
    done = curl(cluster, "-m", "2", f"http://{world.address('pod', 'web-', 4)}:8080/")
    assert done.returncode != 0


def test_others_may_use_it_if_asked_for(cluster, namespace):
    """Another session beside the first one: they don't know of each other."""
    flags = ["--disableTunDevice", "--proxyAddr", "10.214.0.2", "--proxyPort", "0"]
    with connected(cluster, namespace, *flags) as second:
        proxy = second.ready["facts"]["proxy"]
        assert proxy.startswith("10.214.0.2:")
        done = curl(cluster, SOCKS5, proxy, "https://kubernetes.default/version")
        assert "gitVersion" in done.stdout


def test_a_port_that_is_taken_is_told_before_anything_is_created(cluster, namespace, session):
    flags = ["--disableTunDevice", "--kubeconfig", str(cluster.kubeconfig)]
    ended = run_ktctl(cluster, *command(cluster, namespace, *flags)[1:], user=USER)
    assert ended.code == 7
    assert "2223" in ended.error["message"]
    assert "--proxyPort" in ended.error["hint"]
    assert "Starting the agent" not in ended.stdout
    assert ours(cluster, namespace) == []
