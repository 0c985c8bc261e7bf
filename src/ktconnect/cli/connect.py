"""`ktctl connect`."""

from functools import partial
from typing import Any

import click

from ktconnect import names
from ktconnect.errors import UsageError
from ktconnect.modes.spec import (
    ClusterSpec,
    ConnectSpec,
    DnsSpec,
    parse_address,
    parse_domains,
    parse_networks,
)

from .agent_flags import Shown
from .detach import check_not_detached, detach_option
from .options import dry_run, shared_options, take_shared
from .sections import Sectioned
from .session import run_lasting, run_session


@click.command(cls=Sectioned, short_help="Reach Pods, Services and names of the cluster from here.")
@click.option(
    "--dnsMode",
    default="localDNS",
    show_default=True,
    metavar="MODE",
    help="Who answers names: localDNS[:ORDER], hosts[:NS,…], podDNS (all by the cluster), none.",
)
@click.option(
    "--includeIps",
    default="",
    metavar="CIDR,…",
    help="More addresses to reach through the cluster.",
)
@click.option("--excludeIps", default="", metavar="CIDR,…", help="Addresses to leave alone.")
@click.option(
    "--includeDomains",
    default="",
    metavar="SUFFIX,…",
    help="More names that the cluster's DNS answers.",
)
@click.option(
    "--clusterDomain",
    default=names.CLUSTER_DOMAIN,
    show_default=True,
    help="The cluster's DNS domain.",
)
@click.option(
    "--ingressIp",
    default="",
    metavar="IP",
    help="Address for the hosts of the namespace's Ingresses.",
)
@click.option("--disablePodIp", is_flag=True, help="Reach Services alone, not Pod addresses.")
@click.option("--forwarded", is_flag=True, help="Serve containers and VMs of this machine too.")
@click.option("--shareShadow", is_flag=True, help="Use one agent for all users of the namespace.")
@click.option("--skipCleanup", is_flag=True, help="Leave what dead sessions left behind.")
@click.option(
    "--disableTunDevice",
    is_flag=True,
    help="No root: a SOCKS5 and HTTP proxy alone, nothing changed on this machine.",
)
@click.option("--disableTunRoute", is_flag=True, help="Make the TUN device, but no routes.")
@click.option(
    "--proxyAddr",
    default="127.0.0.1",
    show_default=True,
    metavar="IP",
    help="Where the proxy listens.",
)
@click.option(
    "--proxyPort",
    type=click.IntRange(0, 65535),
    default=2223,
    show_default=True,
    help="Where the proxy listens; 0 takes a free port.",
)
@click.option(
    "--dnsCacheTtl",
    type=click.IntRange(0),
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="How long answers may be kept.",
)
@click.option(
    "--mode",
    type=click.Choice(["tun2socks", "sshuttle"]),
    hidden=True,
    help="Kept for old scripts: there is one way.",
)
@click.option(
    "--dnsPort", type=int, hidden=True, help="Kept for old scripts: had a meaning on macOS alone."
)
@dry_run
@detach_option
@partial(shared_options, shown=Shown(family=True))
@click.pass_context
def connect(context: click.Context, /, **flags: Any) -> int:
    """Reach Pods, Services and names of the cluster as if this machine were a Pod.

    \b
    sudo ktctl connect                       everything you may see, until Ctrl-C
    sudo ktctl connect -n shop --forwarded   containers of this machine too
    ktctl connect --disableTunDevice         without root: a proxy on 127.0.0.1:2223

    Needs root for routes and names (use sudo); all else runs as you. Rights in the cluster: see
    the documentation, "Rights".
    """
    shared = take_shared(context)
    spec = spec_of(flags, shared.cluster)
    from ktconnect.modes.connect.mode import run

    if spec.dry_run:
        check_not_detached(context)
        return run_session(shared, lambda reporter: run(spec, reporter))
    return run_lasting(context, shared, "", lambda reporter: run(spec, reporter))


def spec_of(flags: dict[str, Any], cluster: ClusterSpec) -> ConnectSpec:
    """The flags as click read them, parsed. Raises: UsageError."""
    domains = parse_domains(flags["clusterdomain"], "--clusterDomain")
    if len(domains) != 1:
        raise UsageError("--clusterDomain takes one name", hint="for example cluster.local")
    return ConnectSpec(
        cluster=cluster,
        dns=DnsSpec.parse(flags["dnsmode"]),
        share_shadow=flags["shareshadow"],
        skip_cleanup=flags["skipcleanup"],
        cluster_domain=domains[0],
        include=parse_networks(flags["includeips"], "--includeIps"),
        exclude=parse_networks(flags["excludeips"], "--excludeIps"),
        include_domains=parse_domains(flags["includedomains"], "--includeDomains"),
        ingress_ip=parse_address(flags["ingressip"], "--ingressIp") if flags["ingressip"] else "",
        disable_pod_ip=flags["disablepodip"],
        disable_tun_device=flags["disabletundevice"],
        disable_tun_route=flags["disabletunroute"],
        forwarded=flags["forwarded"],
        proxy_addr=parse_address(flags["proxyaddr"], "--proxyAddr"),
        proxy_port=flags["proxyport"],
        dns_cache_ttl=flags["dnscachettl"],
        dry_run=flags["dryrun"],
    )
