"""The networks of a playground as text for ``ip``, ``sysctl`` and ``nft``. Pure.

    laptop eth0 ── left │line│ right ── lap0 │router│ br0 ── eth0 of each node

The line is a bridge, or the slow line while one is asked for. No link leads into the machine's
own network namespace, so nothing here can reach anything outside.
"""

from playground.plan import (
    API_PORT,
    BEHIND_CLUSTER,
    INTERNET,
    LAPTOP,
    ROUTER_ON_LAPTOP,
    ROUTER_ON_NODES,
    Node,
    Plan,
)

# Duplicate address detection only costs time here: every address is planned.
_QUICK_IPV6 = {"net.ipv6.conf.all.accept_dad": 0, "net.ipv6.conf.default.accept_dad": 0}
_ROUTES_ON = {
    "net.ipv4.ip_forward": 1,
    "net.ipv6.conf.all.forwarding": 1,
    "net.ipv6.conf.default.forwarding": 1,
}
_PLAIN_BRIDGE = {"net.bridge.bridge-nf-call-iptables": 0, "net.bridge.bridge-nf-call-ip6tables": 0}
# kube-proxy's answers may come in by another interface than the kernel would send to.
_NODE = {"net.ipv4.conf.all.rp_filter": 0, "net.ipv4.conf.default.rp_filter": 0}


def sysctls(machine: str) -> dict[str, int]:
    """Kernel settings of a machine's network namespace, to be set before it has links."""
    match machine:
        case "laptop":
            return dict(_QUICK_IPV6)
        case "line":
            return {**_PLAIN_BRIDGE, "net.ipv6.conf.default.disable_ipv6": 1}
        case "router":
            return {**_QUICK_IPV6, **_ROUTES_ON, **_PLAIN_BRIDGE}
        case _:
            return {**_QUICK_IPV6, **_ROUTES_ON, **_NODE}


def links(plan: Plan) -> list[tuple[str, list[str]]]:
    """Lines for ``ip -batch`` by machine, in the order in which they must run."""
    return [
        ("router", _router_links(plan)),
        ("line", _line_links(plan)),
        ("laptop", _laptop_links()),
        *((node.name, _node_links(plan, node)) for node in plan.nodes),
    ]


def _router_links(plan: Plan) -> list[str]:
    lines = ["link set lo up", "link add br0 type bridge mcast_snooping 0"]
    lines += _addresses("br0", ROUTER_ON_NODES)
    lines += [f"link add lap0 type veth peer name right netns {plan.namespace('line')}"]
    lines += _addresses("lap0", ROUTER_ON_LAPTOP)
    lines += [f"addr add {address} dev lo" for address in (*INTERNET, *BEHIND_CLUSTER)]
    for node in plan.nodes:
        port = f"nd{node.number}"
        lines += [
            f"link add {port} type veth peer name eth0 netns {plan.namespace(node.name)}",
            f"link set {port} master br0 up",
        ]
    return lines + [route for node in plan.nodes for route in _routes_to_pods(node)]


def _line_links(plan: Plan) -> list[str]:
    return [
        f"link add left type veth peer name eth0 netns {plan.namespace('laptop')}",
        "link add middle type bridge mcast_snooping 0",
        "link set middle up",
        "link set left master middle up",
        "link set right master middle up",
    ]


def _laptop_links() -> list[str]:
    return ["link set lo up", *_addresses("eth0", LAPTOP), *_default_routes(ROUTER_ON_LAPTOP)]


def _node_links(plan: Plan, node: Node) -> list[str]:
    others = [other for other in plan.nodes if other != node]
    return [
        "link set lo up",
        *_addresses("eth0", node.addresses),
        *_default_routes(ROUTER_ON_NODES),
        *(route for other in others for route in _routes_to_pods(other)),
    ]


def _addresses(link: str, addresses: tuple[str, str]) -> list[str]:
    v4, v6 = addresses
    return [
        f"addr add {v4}/24 dev {link}",
        f"addr add {v6}/64 dev {link} nodad",
        f"link set {link} up",
    ]


def _default_routes(router: tuple[str, str]) -> list[str]:
    return [f"route add default via {address}" for address in router]


def _routes_to_pods(node: Node) -> list[str]:
    pairs = zip(node.pod_ranges, node.addresses, strict=True)
    return [f"route add {pods} via {address}" for pods, address in pairs]


def firewall(plan: Plan) -> str:
    """The router's rules: the laptop reaches the API server and the internet, nothing else."""
    api = plan.nodes[0].addresses
    return f"""
table inet playground {{
  chain forward {{
    type filter hook forward priority 0; policy drop;
    ct state established,related accept
    iifname "lap0" ip daddr {api[0]} tcp dport {API_PORT} accept
    iifname "lap0" ip6 daddr {api[1]} tcp dport {API_PORT} accept
    iifname "br0" oifname "br0" accept
  }}
  chain input {{
    type filter hook input priority 0; policy accept;
    iifname "lap0" ip daddr {{ {ROUTER_ON_LAPTOP[0]}, {INTERNET[0]} }} accept
    iifname "lap0" ip6 daddr {{ {ROUTER_ON_LAPTOP[1]}, {INTERNET[1]} }} accept
    iifname "lap0" icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert }} accept
    iifname "lap0" drop
  }}
}}
"""
