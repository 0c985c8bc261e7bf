"""Where requests can go, said to Envoy: clusters (``envoy.config.cluster.v3``).

Each has its fallback within, as a lower priority: a session's cluster has its agent's Service and
then the origin, the origin has its Pods one by one and then its cluster IP. So a host that does
not take connections costs one attempt. Nobody is *asked* whether he is alive: a check that
connects to an agent would connect to the laptop's program.
"""

from typing import Final

from .envoy_parts import ANY, Json, ref, shared_text
from .mark import ORIGIN
from .model import Share
from .plan import RoutedPort, RoutePlan

METADATA: Final = "kt"
"""Namespace of what our endpoints say about themselves: ``by``, ``cache``."""

PASSED: Final = "passed|"
"""How the names begin of those that lead to the origin's cluster IP alone."""

CONNECT_SECONDS: Final = 1

_DNS: Final[Json] = {
    "name": "envoy.network.dns_resolver.cares",
    "typed_config": {
        "@type": f"{ANY}envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
        # Not to wait for long at the start: until there are Pods, the cluster IP does.
        "query_timeout_seconds": 1,
        "query_tries": 2,
    },
}

_HTTP: Final[Json] = {"typed_extension_protocol_options": ref("http")}
_PUT_ASIDE: Final[Json] = {"outlier_detection": ref("eject")}


def clusters_text(plan: RoutePlan, version: str) -> str:
    """The file ``cds.yaml``. A leaving session's is there, too: what is on its way is to arrive."""
    clusters: list[Json] = []
    fallbacks: dict[str, Json] = {}
    for port in plan.listened:
        clusters.append(_passed(plan, port))
        if not plan.exposed(port):
            continue
        fallbacks[_fallback(port)] = _way(plan.origin_address, port.number, 1, by=ORIGIN)
        clusters.append(_origin(plan, port))
        for share in plan.exposed(port):
            clusters += _of_share(plan, port, share)
    return shared_text(version, clusters, fallbacks)


def origin_cluster(port: RoutedPort) -> str:
    """For requests: spread over the origin's Pods one by one, whatever connection they came by."""
    return f"{ORIGIN}|{port.number}"


def passed_cluster(port: RoutedPort) -> str:
    """For connections and datagrams that are passed on as they are: kube-proxy spreads those."""
    return f"{PASSED}{port.number}"


def share_cluster(share: Share, port: RoutedPort) -> str:
    """A session's, for one port."""
    return f"{share.service}|{port.number}"


def grpc_cluster(share: Share, port: RoutedPort) -> str:
    """A mirror's for copies of gRPC, which knows HTTP/2 alone."""
    return f"{share_cluster(share, port)}|grpc"


def _passed(plan: RoutePlan, port: RoutedPort) -> Json:
    return _cluster(passed_cluster(port), _way(plan.origin_address, port.number))


def _origin(plan: RoutePlan, port: RoutedPort) -> Json:
    name = origin_cluster(port)
    if not (plan.origin_host and port.uniform):
        return _cluster(name, _way(plan.origin_address, port.number, by=ORIGIN)) | _HTTP
    pods = _way(plan.origin_host, port.pod_port, by=ORIGIN)
    cluster = _cluster(name, pods, ref(_fallback(port))) | _HTTP | _PUT_ASIDE
    del cluster["type"]
    return cluster | {"cluster_type": _dns(plan.families)}


def _of_share(plan: RoutePlan, port: RoutedPort, share: Share) -> list[Json]:
    name, number = share_cluster(share, port), plan.number_of(share, port)
    if share.kind == "mirror":
        kinds = {name: "copy2" if port.http2 else "copy", grpc_cluster(share, port): "copy2"}
        return [_copies(each, _way(share.address, number), kind) for each, kind in kinds.items()]
    own = _way(share.address, number, by=share.mark, cache="no-store")
    # A connection is not tried elsewhere by itself, as a request is.
    kind = _PUT_ASIDE if port.app == "tls" else _HTTP
    return [_cluster(name, own, ref(_fallback(port))) | kind]


def _copies(name: str, way: Json, kind: str) -> Json:
    options = {"typed_extension_protocol_options": ref(kind)}
    return _cluster(name, way) | options | _limits("limit")


def _cluster(name: str, *ways: Json) -> Json:
    """One that tries ``ways`` in turn; each but the first has its priority."""
    return {
        "@type": f"{ANY}envoy.config.cluster.v3.Cluster",
        "name": name,
        "type": "STATIC",
        "connect_timeout": f"{CONNECT_SECONDS}s",
        "upstream_connection_options": ref("alive"),
        "load_assignment": {"cluster_name": "-", "endpoints": list(ways)},
    } | _limits("nolimit")


def _limits(name: str) -> Json:
    return {"circuit_breakers": ref(name)}


def _way(host: str, port: int, priority: int = 0, **says: str) -> Json:
    """One host and what it ``says`` about itself, which headers of answers are made of."""
    address = {"socket_address": {"address": host, "port_value": port}}
    endpoint: Json = {"endpoint": {"address": address}}
    if says:
        endpoint["metadata"] = {"filter_metadata": {METADATA: says}}
    return {"lb_endpoints": [endpoint]} | ({"priority": priority} if priority else {})


def _fallback(port: RoutedPort) -> str:
    """The anchor of the origin as second choice."""
    return f"origin{port.number}"


def _dns(families: tuple[str, ...]) -> Json:
    """The host of each way is a name that is looked up every second, or an address."""
    return {
        "name": "envoy.clusters.dns",
        "typed_config": {
            "@type": f"{ANY}envoy.extensions.clusters.dns.v3.DnsCluster",
            "dns_refresh_rate": "1s",
            "dns_lookup_family": _family(families),
            "typed_dns_resolver_config": _DNS,
        },
    }


def _family(families: tuple[str, ...]) -> str:
    if len(families) == 1:
        return "V6_ONLY" if families == ("IPv6",) else "V4_ONLY"
    return "AUTO" if families[0] == "IPv6" else "V4_PREFERRED"
