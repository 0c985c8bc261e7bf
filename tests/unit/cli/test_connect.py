from ipaddress import ip_network

import pytest

from ktconnect.cli.connect import connect, spec_of
from ktconnect.errors import UsageError
from ktconnect.modes.spec import ClusterSpec, DnsSpec


def parse(*args):
    context = connect.make_context("connect", list(args), token_normalize_func=str.lower)
    return spec_of(context.params, ClusterSpec())


def test_without_flags_the_defaults_hold():
    spec = parse()
    assert spec.dns == DnsSpec("localDNS")
    assert (spec.proxy_addr, spec.proxy_port) == ("127.0.0.1", 2223)
    assert spec.cluster_domain == "cluster.local"
    assert spec.dns_cache_ttl == 60


def test_every_flag_reaches_the_spec():
    spec = parse(
        "--dnsMode", "hosts:a", "--includeIps", "10.1.0.0/16", "--excludeIps", "10.2.0.0/16",
        "--includeDomains", "corp.local", "--clusterDomain", "k8s.local", "--ingressIp", "1.2.3.4",
        "--disablePodIp", "--forwarded", "--shareShadow", "--skipCleanup", "--disableTunRoute",
        "--proxyPort", "0", "--dnsCacheTtl", "5", "--mode", "sshuttle", "--dnsPort", "53",
    )  # fmt: skip
    assert spec.dns == DnsSpec("hosts", namespaces=("a",))
    assert spec.include == (ip_network("10.1.0.0/16"),)
    assert spec.exclude == (ip_network("10.2.0.0/16"),)
    assert spec.include_domains == ("corp.local",)
    assert spec.cluster_domain == "k8s.local"
    assert spec.ingress_ip == "1.2.3.4"
    assert spec.disable_pod_ip
    assert spec.forwarded
    assert spec.share_shadow
    assert spec.skip_cleanup
    assert spec.disable_tun_route
    assert (spec.proxy_port, spec.dns_cache_ttl) == (0, 5)


@pytest.mark.parametrize(
    "args",
    [
        ("--ingressIp", "web"),
        ("--includeIps", "10.0.0.1/8"),
        ("--clusterDomain", ""),
        ("--proxyAddr", "0.0.0.0"),
    ],
)
def test_what_cannot_be_meant_is_refused(args):
    with pytest.raises(UsageError):
        parse(*args)
