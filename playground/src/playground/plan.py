"""Which names and addresses a playground uses. Pure: nothing here touches the machine.

Inner addresses are the same in every playground, as each has a router namespace of its own that
is joined to nothing else; only the names of namespaces and cgroups differ.
"""

import re
from dataclasses import dataclass

from playground.errors import PlaygroundError

MOST_NODES = 9

POD_RANGES = ("10.244.0.0/16", "fd00:10:244::/56")
SERVICE_RANGES = ("10.96.0.0/16", "fd00:10:96::/112")
NODE_RANGES = ("10.213.0.0/24", "fd00:10:213::/64")
LAPTOP_RANGES = ("10.214.0.0/24", "fd00:10:214::/64")

API_PORT = 6443
API_SERVICE = ("10.96.0.1", "fd00:10:96::1")
DNS_SERVICE = ("10.96.0.10", "fd00:10:96::a")
ROUTER_ON_NODES = ("10.213.0.1", "fd00:10:213::1")
ROUTER_ON_LAPTOP = ("10.214.0.1", "fd00:10:214::1")
LAPTOP = ("10.214.0.2", "fd00:10:214::2")

LAPTOP_MARK = "/run/playground/name"  # a file on the laptop that holds the playground's name

# RFC 5737 and RFC 3849 keep these for documentation, so no real host can be meant.
INTERNET = ("203.0.113.10", "2001:db8:113::10")
BEHIND_CLUSTER = ("198.51.100.10", "2001:db8:100::10")

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?")


@dataclass(frozen=True)
class Node:
    """One node; ``number`` counts from 1 and is the last digit of all that it owns."""

    number: int

    @property
    def name(self) -> str:
        return f"node{self.number}"

    @property
    def addresses(self) -> tuple[str, str]:
        return (f"10.213.0.1{self.number}", f"fd00:10:213::1{self.number}")

    @property
    def pod_ranges(self) -> tuple[str, str]:
        return (f"10.244.{self.number}.0/24", f"fd00:10:244:{self.number}::/64")


@dataclass(frozen=True)
class Plan:
    """A playground of ``node_count`` nodes, before anything of it exists."""

    name: str
    node_count: int

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise PlaygroundError(
                f"{self.name!r} can't be the name of a playground",
                hint="use up to 20 small letters, digits and dashes",
            )
        if not 1 <= self.node_count <= MOST_NODES:
            raise PlaygroundError(
                f"{self.node_count} nodes are not possible", hint=f"use 1 to {MOST_NODES}"
            )

    @property
    def nodes(self) -> tuple[Node, ...]:
        return tuple(Node(number) for number in range(1, self.node_count + 1))

    @property
    def server(self) -> str:
        """URL of the API server, as the laptop and the nodes reach it."""
        return f"https://{self.nodes[0].addresses[0]}:{API_PORT}"

    @property
    def machines(self) -> tuple[str, ...]:
        """Every network namespace by its short name."""
        return ("router", "line", "laptop", *(node.name for node in self.nodes))

    def namespace(self, machine: str) -> str:
        """Name of a machine's network namespace, as ``ip netns`` shows it; also of its cgroup."""
        return f"pg-{self.name}-{machine}"


def machine_of(name: str, namespace: str) -> str | None:
    """The machine that a network namespace or cgroup of playground ``name`` belongs to."""
    found = re.fullmatch(rf"pg-{re.escape(name)}-(router|line|laptop|node[1-9])", namespace)
    return found[1] if found else None
