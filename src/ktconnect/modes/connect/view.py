"""What is known of cluster, laptop and wishes at one moment, and the plans that follow. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

from ktconnect.dns.expansion import search_list
from ktconnect.dns.order import CLUSTER, Order, parse_order
from ktconnect.dns.zone import Zone
from ktconnect.host.laptop import LaptopNetworks, Resolver
from ktconnect.host.plan import DnsPlan, HostPlan, Wanted, make_plan, networks_of
from ktconnect.kube.facts import ClusterFacts
from ktconnect.modes.spec import ConnectSpec
from ktconnect.networks import Address, Network, host_network, subtract

NO_ORDER = Order((), ())
NO_RESOLVER = Resolver("resolv.conf")
NO_LAPTOP = LaptopNetworks((), (), (), NO_RESOLVER)


@dataclass(frozen=True, slots=True)
class Hosts:
    """Names that are written down: lines of the hosts file, and hosts of Ingresses."""

    lines: tuple[str, ...] = ()
    ingress: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """Replaced as a whole when any part of it changes.

    ``laptop`` is the machine as it was before us, None when nothing of it is to change.
    """

    spec: ConnectSpec
    namespace: str
    domain: str
    facts: ClusterFacts
    laptop: LaptopNetworks | None = None
    hosts: Hosts = Hosts()

    @property
    def resolver(self) -> Resolver:
        """Who answered names before us."""
        return self.laptop.resolver if self.laptop else NO_RESOLVER

    @property
    def ranges(self) -> tuple[Network, ...]:
        """The cluster's own ranges that were asked for."""
        pods = () if self.spec.disable_pod_ip else self.facts.pod_ranges
        both = (*self.facts.service_ranges, *pods)
        return tuple(n for n in both if self.spec.cluster.ip_version in (0, n.version))

    def wanted(self) -> Wanted:
        """Which addresses are to go to the cluster."""
        return Wanted(
            ranges=self.ranges,
            nodes=tuple(self.facts.node_addresses),
            api_servers=tuple(self.facts.server_addresses),
            include=self.spec.include,
            exclude=self.spec.exclude,
        )

    @property
    def included_in_vain(self) -> tuple[Network, ...]:
        """What the user includes, and can't have: the tunnel itself goes there."""
        servers = tuple(map(host_network, self.facts.server_addresses))
        return tuple(each for each in self.spec.include if not subtract((each,), servers))

    def host_plan(self, session: str, redirect_ports: tuple[int, int]) -> HostPlan:
        """The laptop's network to be. Raises: HostError if a range is the laptop's own."""
        assert self.laptop is not None, "without a laptop's facts there is no plan for it"
        return make_plan(
            self._routed_wanted(),
            self.laptop,
            session=session,
            redirect_ports=redirect_ports,
            forwarded=self.spec.forwarded,
            dns=self.dns_plan(),
        )

    def _routed_wanted(self) -> Wanted:
        return Wanted() if self.spec.disable_tun_route else self.wanted()

    def goes_to_cluster(self, host: str) -> bool:
        """Whether the proxy sends ``host``, an address or a name, to the cluster."""
        try:
            address = ip_address(host)
        except ValueError:
            attempts = self.zone().route(host.lower().rstrip(".")).attempts
            return bool(attempts) and attempts[0].server == CLUSTER
        return any(address in network for network in networks_of(self.wanted(), NO_LAPTOP))

    def zone(self) -> Zone:
        """Which names are the cluster's."""
        return Zone(
            cluster_domain=self.domain,
            namespace=self.namespace,
            services=frozenset(self.facts.services),
            headless=frozenset(self.facts.headless),
            namespaces=frozenset(self.facts.namespaces),
            networks=self.ranges,
            suffixes=self.spec.include_domains,
            overrides=self._overrides(),
            order=tuple(server.key for server in self.order().servers),
            strip=self.resolver.search,
            ip_version=self.spec.cluster.ip_version,
        )

    def _overrides(self) -> tuple[tuple[str, Address], ...]:
        if not self.spec.ingress_ip:
            return ()
        address = ip_address(self.spec.ingress_ip)
        return tuple((host, address) for host in self.hosts.ingress)

    def order(self) -> Order:
        """The servers in the order that the user gave; none for the default split by name."""
        if self.spec.dns.kind == "podDNS":
            return parse_order(CLUSTER, ())
        if not self.spec.dns.order:
            return NO_ORDER
        return parse_order(self.spec.dns.order, self.resolver.nameservers)

    def dns_plan(self) -> DnsPlan:
        """How names get to us on this laptop."""
        kind, search = self.spec.dns.kind, search_list(self.namespace, self.domain)
        if kind == "none":
            return DnsPlan()
        if kind == "hosts":
            return DnsPlan(hosts=self.hosts.lines)
        if self.resolver.kind == "resolv.conf":
            return DnsPlan("resolv.conf", search=search if kind == "podDNS" else ())
        everything = kind == "podDNS" or bool(self.spec.dns.order)
        routed = ("~.",) if everything else self._routed_names()
        return DnsPlan("systemd-resolved", routed=routed, search=search)

    def _routed_names(self) -> tuple[str, ...]:
        """Suffixes that systemd-resolved is to ask us for.

        The name of a namespace is among them, for ``svc.ns``; what is no Service of it, we ask of
        who answered before.
        """
        found = {self.domain, "svc", *self.spec.include_domains, *self.hosts.ingress}
        found.update(namespace for _, namespace in self.facts.services)
        found.update(map(reverse_suffix, self.ranges))
        return tuple(sorted(found))


def reverse_suffix(network: Network) -> str:
    """The reverse name (RFC 1035 §3.5, RFC 3596 §2.5) below which all names of a network are."""
    labels = network.network_address.reverse_pointer.split(".")
    per_label = 8 if network.version == 4 else 4
    dropped = -(-(network.max_prefixlen - network.prefixlen) // per_label)
    return ".".join(labels[dropped:])


def hosts_lines(entries: Iterable[tuple[str, tuple[str, ...]]]) -> tuple[str, ...]:
    """Lines of a hosts file (hosts(5))."""
    return tuple(" ".join((address, *names)) for address, names in entries)
