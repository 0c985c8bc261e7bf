"""Who is asked for a name: the cluster under which full names, or who answered before.

Only what is the cluster's goes to the cluster: its domain, ``*.svc``, the reverse names of its
ranges, and short names of Services that exist. So ``example.dev`` stays the internet's although a
namespace ``dev`` exists, and is not asked for twice.
"""

from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address

from ktconnect.networks import Address, Network

from .expansion import expand, search_list
from .order import CLUSTER, UPSTREAM

_V4_REVERSE = ".in-addr.arpa"
_V6_REVERSE = ".ip6.arpa"


@dataclass(frozen=True, slots=True)
class Attempt:
    """Ask ``server`` (``cluster``, ``upstream``, a key of an order) for ``name``."""

    server: str
    name: str


@dataclass(frozen=True, slots=True)
class Decision:
    """How a name is answered: with ``address`` at once, else by the attempts in turn.

    The next attempt follows on NXDOMAIN; with ``exhaustive`` (an order given by the user) also on
    an empty answer and on a server that doesn't answer. ``may_appear``: a Service made a moment
    later would have this name, so that a "no" holds only briefly.
    """

    attempts: tuple[Attempt, ...] = ()
    address: Address | None = None
    exhaustive: bool = False
    may_appear: bool = False


@dataclass(frozen=True, slots=True)
class Zone:
    """What is known of the cluster's names; replaced as a whole when that changes.

    services: (name, namespace) of all Services known; headless: those whose Pods have names.
    namespaces: those that exist. networks: Pod and Service ranges, for reverse names.
    suffixes: more domains that only the cluster knows. overrides: (pattern, address), where a
    ``*`` stands for one label. order: keys of servers, if the user gave an order.
    strip: the laptop's own search suffixes, cut off before an order asks the cluster.
    ip_version: 4 or 6 if only addresses of that family lead to the cluster, 0 for both.
    """

    cluster_domain: str
    namespace: str
    services: frozenset[tuple[str, str]] = frozenset()
    headless: frozenset[tuple[str, str]] = frozenset()
    namespaces: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()
    suffixes: tuple[str, ...] = ()
    overrides: tuple[tuple[str, Address], ...] = ()
    order: tuple[str, ...] = ()
    strip: tuple[str, ...] = ()
    ip_version: int = 0
    _endings: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        endings = (self.cluster_domain, *self.suffixes)
        object.__setattr__(self, "_endings", tuple(f".{ending.strip('.')}" for ending in endings))

    def route(self, name: str) -> Decision:
        """``name`` as dns.name writes it: lower-case, without the final dot."""
        for pattern, address in self.overrides:
            if matches(pattern, name):
                return Decision(address=address)
        if self.order:
            return self._in_order(name)
        if self._is_full(name):
            return Decision((Attempt(CLUSTER, name),), may_appear=True)
        if self._is_reserved(name):
            attempt = Attempt(CLUSTER, f"{name}.{self.cluster_domain}")
            return Decision((attempt,), may_appear=True)
        short = (Attempt(CLUSTER, full) for full in self._short(name))
        return Decision((*short, Attempt(UPSTREAM, name)), may_appear=self._may_appear(name))

    def _in_order(self, name: str) -> Decision:
        names = expand(name, search_list(self.namespace, self.cluster_domain), self.strip)
        attempts: list[Attempt] = []
        for server in self.order:
            asked = names if server == CLUSTER else (name,)
            attempts += (Attempt(server, one) for one in asked)
        return Decision(tuple(attempts), exhaustive=True, may_appear=self._may_appear(name))

    def _may_appear(self, name: str) -> bool:
        """``svc``, ``svc.ns``, ``pod.svc.ns``: no Service of that name is known as yet."""
        labels = name.split(".")
        return len(labels) == 1 or (len(labels) <= 3 and labels[-1] in self.namespaces)

    def _is_full(self, name: str) -> bool:
        if f".{name}".endswith(self._endings):
            return True
        address = reverse_address(name)
        return address is not None and any(address in network for network in self.networks)

    def _is_reserved(self, name: str) -> bool:
        """``x.ns.svc`` and ``1-2-3-4.ns.pod``: endings that are no top-level domains."""
        if name.endswith(".svc"):
            return True
        return name.endswith(".pod") and name.split(".")[-2] in self.namespaces

    def _short(self, name: str) -> tuple[str, ...]:
        """Full names that it may mean in the cluster: none unless such a Service exists."""
        labels = name.split(".")
        while len(labels) > 1 and labels[0].startswith("_"):  # SRV: _http._tcp.web
            del labels[0]
        own, services, _ = search_list(self.namespace, self.cluster_domain)
        match labels:
            case [service] if (service, self.namespace) in self.services:
                return (f"{name}.{own}",)
            case [first, second]:
                return self._two(name, first, second)
            case [_, service, namespace] if (service, namespace) in self.headless:
                return (f"{name}.{services}",)
        return ()

    def _two(self, name: str, first: str, second: str) -> tuple[str, ...]:
        """``svc.ns``, or ``pod.svc`` of the own namespace."""
        own, services, _ = search_list(self.namespace, self.cluster_domain)
        is_service = (first, second) in self.services
        is_pod = (second, self.namespace) in self.headless
        found = ((is_service, f"{name}.{services}"), (is_pod, f"{name}.{own}"))
        return tuple(full for wanted, full in found if wanted)


def matches(pattern: str, name: str) -> bool:
    """Whether a host pattern means this name; each ``*`` stands for exactly one label."""
    wanted, labels = pattern.lower().strip(".").split("."), name.split(".")
    pairs = zip(wanted, labels, strict=False)
    return len(wanted) == len(labels) and all(want in ("*", label) for want, label in pairs)


def reverse_address(name: str) -> Address | None:
    """The address that a reverse name (RFC 1035 §3.5, RFC 3596 §2.5) asks about, if it is one."""
    try:
        if name.endswith(_V4_REVERSE):
            labels = name.removesuffix(_V4_REVERSE).split(".")
            return ip_address(".".join(reversed(labels)))
        if name.endswith(_V6_REVERSE):
            nibbles = "".join(reversed(name.removesuffix(_V6_REVERSE).split(".")))
            return IPv6Address(int(nibbles, 16)) if len(nibbles) == 32 else None
    except ValueError:
        pass
    return None
