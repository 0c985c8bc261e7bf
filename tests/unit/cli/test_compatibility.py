"""The page for those who come from KT Connect: every line of it is run, up to what a mode gets."""

import logging
import re
import shlex
from ipaddress import ip_network
from pathlib import Path

import pytest

from ktconnect import __version__
from ktconnect.cli.main import run
from ktconnect.modes import birdseye, clean, preview, recover
from ktconnect.modes.birdseye import View
from ktconnect.modes.connect import mode as connect
from ktconnect.modes.exchange import mode as exchange
from ktconnect.modes.forward import mode as forward
from ktconnect.modes.mesh import mode as mesh
from ktconnect.modes.spec import DnsSpec

PAGE = (Path(__file__).parents[3] / "docs/compatibility.md").read_text()
LINES = re.findall(r"^\| `(ktctl [^`]+)` \|", PAGE, re.MULTILINE)
MODES = (connect, exchange, preview, forward, recover, clean, mesh)
KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: fake
contexts:
- {name: fake, context: {cluster: c, user: u, namespace: mine}}
- {name: staging, context: {cluster: c, user: u, namespace: mine}}
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: u, user: {token: secret}}]
"""
C, X, M = "ktctl connect ", "ktctl exchange web --expose 8080 ", "ktctl mesh web --expose 8080 "

# What must be found where in the mode's spec. It must not be there without the flag.
EFFECTS = {
    C + "-n demo": ("cluster.namespace", "demo"),
    C + "--namespace demo": ("cluster.namespace", "demo"),
    "ktctl -n demo connect": ("cluster.namespace", "demo"),
    C + "-c staging.kubeconfig": ("cluster.kubeconfig", "staging.kubeconfig"),
    C + "--kubeconfig staging.kubeconfig": ("cluster.kubeconfig", "staging.kubeconfig"),
    C + "--context staging": ("cluster.context", "staging"),
    C + "-i python:3.12-alpine": ("cluster.agent.image", "python:3.12-alpine"),
    C + "--image python:3.12-alpine": ("cluster.agent.image", "python:3.12-alpine"),
    C + "--imagePullSecret pull": ("cluster.agent.pull_secret", "pull"),
    C + "--serviceAccount robot": ("cluster.agent.service_account", "robot"),
    C + "--nodeSelector disk=ssd,zone=a": (
        "cluster.agent.node_selector",
        (("disk", "ssd"), ("zone", "a")),
    ),
    C + "--podQuota 0.5c,512m": ("cluster.agent.quota", (("cpu", "0.5"), ("memory", "512Mi"))),
    C + "-l team=a": ("cluster.labels", (("team", "a"),)),
    C + "--withLabel team=a,tier=b": ("cluster.labels", (("team", "a"), ("tier", "b"))),
    C + "--label team=a": ("cluster.labels", (("team", "a"),)),
    C + "--withAnnotation note=x": ("cluster.annotations", (("note", "x"),)),
    C + "--portForwardTimeout 20": ("cluster.port_forward_timeout", 20.0),
    C + "--waitTime 20": ("cluster.port_forward_timeout", 20.0),
    C + "--podCreationTimeout 90": ("cluster.pod_creation_timeout", 90.0),
    C + "--useLocalTime": ("cluster.use_local_time", True),
    C + "-f": ("cluster.agent.pull_policy", "Always"),
    C + "--forceUpdate": ("cluster.agent.pull_policy", "Always"),
    C + "--ipVersion 6": ("cluster.ip_version", 6),
    C + "--dnsMode localDNS:upstream,cluster": ("dns.order", "upstream,cluster"),
    C + "--dnsMode podDNS": ("dns.kind", "podDNS"),
    C + "--dnsMode hosts": ("dns", DnsSpec("hosts")),
    C + "--dnsMode hosts:a,b": ("dns.namespaces", ("a", "b")),
    C + "--dump2hosts": ("dns", DnsSpec("hosts")),
    C + "--dump2hosts=a,b": ("dns.namespaces", ("a", "b")),
    C + "--dump2hostsNS a,b": ("dns.namespaces", ("a", "b")),
    C + "--disableDNS": ("dns.kind", "none"),
    C + "--shareShadow": ("share_shadow", True),
    C + "--clusterDomain k8s.local": ("cluster_domain", "k8s.local"),
    C + "--disablePodIp": ("disable_pod_ip", True),
    C + "--skipCleanup": ("skip_cleanup", True),
    C + "--includeIps 10.1.0.0/16": ("include", (ip_network("10.1.0.0/16"),)),
    C + "--cidr 10.1.0.0/16": ("include", (ip_network("10.1.0.0/16"),)),
    C + "--excludeIps 10.2.0.0/16": ("exclude", (ip_network("10.2.0.0/16"),)),
    C + "--ingressIp 10.0.0.9": ("ingress_ip", "10.0.0.9"),
    C + "--disableTunDevice": ("disable_tun_device", True),
    C + "--method socks": ("disable_tun_device", True),
    C + "--method socks5": ("disable_tun_device", True),
    C + "--disableTunRoute": ("disable_tun_route", True),
    C + "--proxyPort 1080": ("proxy_port", 1080),
    C + "--proxy 1080": ("proxy_port", 1080),
    C + "--disableTunDevice --proxyAddr 0.0.0.0": ("proxy_addr", "0.0.0.0"),
    C + "--dnsCacheTtl 5": ("dns_cache_ttl", 5),
    C + "--includeDomains corp.local": ("include_domains", ("corp.local",)),
    C + "--localDomain corp.local": ("include_domains", ("corp.local",)),
    "ktctl exchange web --expose 8080": ("exposes.0.remote", "8080"),
    "ktctl exchange web --expose 8080:80,7000:70": ("exposes.1.local.port", 7000),
    "ktctl exchange service/web --expose 8080": ("targets", ("service/web",)),
    "ktctl exchange svc/web --expose 8080": ("targets", ("svc/web",)),
    "ktctl exchange deployment/web --expose 8080": ("targets", ("deployment/web",)),
    "ktctl exchange deploy/web --expose 8080": ("targets", ("deploy/web",)),
    "ktctl exchange pod/web-0 --expose 8080": ("targets", ("pod/web-0",)),
    X + "--mode scale": ("mode", "scale"),
    X + "--method scale": ("mode", "scale"),
    X + "--skipPortChecking": ("serving.skip_port_checking", True),
    X + "--recoverWaitTime 60": ("recover_wait", 60.0),
    "ktctl mesh web --expose 8080": ("exposes.0.remote", "8080"),
    "ktctl mesh web --expose 8080:80": ("exposes.0.local.port", 8080),
    "ktctl mesh deployment/web --expose 8080": ("targets", ("deployment/web",)),
    M + "--mode manual": ("mode", "manual"),
    M + "--versionMark ci": ("mark", "ci"),
    M + "--versionMark user:": ("mark", "user:"),
    M + "--versionMark user:ann": ("mark", "user:ann"),
    M + "--skipPortChecking": ("serving.skip_port_checking", True),
    M + "--routerImage envoy:mine": ("router.image", "envoy:mine"),
    "ktctl preview mine --expose 8080": ("exposes.0.remote", "8080"),
    "ktctl provide mine --expose 8080": ("exposes.0.remote", "8080"),
    "ktctl preview mine --expose 8080 --external": ("external", True),
    "ktctl preview mine --expose 8080 --skipPortChecking": ("serving.skip_port_checking", True),
    "ktctl forward web": ("goals.0.name", "web"),
    "ktctl forward web 8080:80": ("goals.0.ports.0.local", 8080),
    "ktctl forward web 8080": ("goals.0.ports.0.remote", "8080"),
    "ktctl forward db.corp:5432": ("goals.0.name", "db.corp"),
    "ktctl recover web": ("names", ("web",)),
    "ktctl clean": ("threshold_minutes", 1),
    "ktctl clean --thresholdInMinus 15": ("threshold_minutes", 15),
    "ktctl clean --dryRun": ("dry_run", True),
    "ktctl clean --localOnly": ("local_only", True),
    "ktctl birdseye": ("sort_by", "status"),
    "ktctl birdseye --sortBy name": ("sort_by", "name"),
    "ktctl birdseye --showConnector": ("show_connector", True),
    "ktctl birdseye --hideNaturalService": ("hide_natural", True),
}
# What says what holds anyway, or has no effect any more: nothing but a note may come of it.
SAME = {
    *(C + flag for flag in ("--useShadowDeployment", "--asWorker", "--useKubectl", '-e "-n x"')),
    *(C + flag for flag in ("--mode tun2socks", "--mode sshuttle")),
    *(C + flag for flag in ("--dnsMode localDNS", "--dnsPort 10053", "--method vpn")),
    *(C + flag for flag in ("--method tun", "--sshPort 2222", "--port 2222", "--global")),
    *(C + flag for flag in ("--tunName tun0", "--tunCidr 10.1.1.0/30", "--jvmrc /tmp")),
    C + "--setupGlobalProxy",
    X + "--mode selector",
    X + "--mode switch",
    M + "--mode auto",
    "ktctl birdseye --sortBy status",
}
LOUD = {C + "-d", C + "--debug"}
SHOWN = {
    "ktctl -h": "birdseye",
    C + "--help": "--dnsMode",
    "ktctl -v": __version__,
    "ktctl --version": __version__,
}
REFUSED = {X + "--mode ephemeral": "NET_ADMIN"}
PLAIN = {
    "connect": "",
    "exchange": "web --expose 8080",
    "mesh": "web --expose 8080",
    "preview": "mine --expose 8080",
    "forward": "other 1",
    "recover": "other",
}
"""What a command is held against, besides its flags."""


class Machine:
    """Runs ktctl here, up to what its mode is given."""

    def __init__(self, specs):
        self._specs = specs

    def run(self, line):
        assert run(shlex.split(line)[1:]) == 0
        return self._specs.pop()


@pytest.fixture
def machine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("config", "staging.kubeconfig"):
        (tmp_path / name).write_text(KUBECONFIG)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    specs = []

    async def keep(spec, _reporter):
        specs.append(spec)

    async def look(spec, _cluster):
        specs.append(spec)
        return View([], [])

    for mode in MODES:
        monkeypatch.setattr(mode, "run", keep)
    monkeypatch.setattr(birdseye, "look", look)
    return Machine(specs)


def value(spec, path):
    """The value at ``exposes.0.remote``; None where there is none."""
    for name in path.split("."):
        if name.isdecimal():
            spec = spec[int(name)] if int(name) < len(spec) else None
        elif spec is not None:
            spec = getattr(spec, name)
    return spec


def plain(line):
    """The same command without the flag in question."""
    [command] = [word for word in line.split() if word in {*PLAIN, "clean", "birdseye", "provide"}]
    return f"ktctl {command} {PLAIN.get({'provide': 'preview'}.get(command, command), '')}"


def test_the_page_and_what_is_looked_at_are_the_same_lines():
    assert set(LINES) == EFFECTS.keys() | SAME | LOUD | SHOWN.keys() | REFUSED.keys()
    assert len(LINES) == len(set(LINES))


@pytest.mark.parametrize("line", [line for line in LINES if line in EFFECTS])
def test_a_flag_does_what_the_page_says(machine, line):
    path, wanted = EFFECTS[line]
    found = machine.run(line)
    assert value(found, path) == wanted
    if line.split() != plain(line).split():
        assert value(machine.run(plain(line)), path) != wanted


@pytest.mark.parametrize("line", sorted(SAME))
def test_a_flag_that_says_what_holds_anyway_changes_nothing(machine, line):
    assert machine.run(line) == machine.run(plain(line))


@pytest.mark.parametrize("line", sorted(LOUD))
def test_a_log_in_detail_is_written(machine, line):
    log = logging.getLogger("ktconnect")
    assert machine.run(plain(line)) == machine.run(line)
    assert log.level == logging.DEBUG
    machine.run(plain(line))
    assert log.level == logging.WARNING


@pytest.mark.parametrize("line", sorted(SHOWN))
def test_what_is_asked_for_is_shown(line, capsys):
    assert run(shlex.split(line)[1:]) == 0
    assert SHOWN[line] in capsys.readouterr().out


@pytest.mark.parametrize("line", sorted(REFUSED))
def test_what_never_worked_is_refused_with_the_reason(machine, line, capsys):
    assert run(shlex.split(line)[1:]) == 2
    assert REFUSED[line] in capsys.readouterr().err
