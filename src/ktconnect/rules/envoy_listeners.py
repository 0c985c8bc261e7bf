"""Where callers come in, said to Envoy: listeners (``envoy.config.listener.v3``).

What becomes of a connection is decided by what the Service says of the port, and by what the
connection's first bytes say, if somebody means the port:

==============  =============================  =================================================
port            nobody means it                somebody does
==============  =============================  =================================================
http, grpc      passed on                      HTTP is routed; anything else is passed on
unknown         passed on                      the same, but a caller who says nothing for
                                               `SILENCE_SECONDS` is passed on as well
tls             passed on                      by the server's name (SNI)
tcp             passed on                      passed on
udp             passed on                      passed on
==============  =============================  =================================================
"""

from typing import Any, Final

from .envoy_clusters import passed_cluster, share_cluster
from .envoy_http import http_filter
from .envoy_parts import ANY, Json, compact
from .order import Rule, ordered
from .plan import RoutedPort, RoutePlan

SILENCE_SECONDS: Final = 1
"""How long a caller of a port of unknown kind may be silent before he is taken for one who waits
for the server's first word."""

_NAMES: Final = ("http/1.0", "http/1.1", "h2c")  # what the inspector calls what it sees


def listeners_text(plan: RoutePlan, directory: str, version: str) -> str:
    """The file ``lds.json``; ``directory``: where Envoy finds the others."""
    found = [listener(plan, port, directory) for port in plan.listened]
    return compact({"version_info": version, "resources": found})


def listener(plan: RoutePlan, port: RoutedPort, directory: str) -> Json:
    """One port's. Its name tells nothing of who listens, so that it stays as it is."""
    begin = {
        "@type": f"{ANY}envoy.config.listener.v3.Listener",
        "name": f"{port.protocol}-{port.pod_port}",
        "address": address(plan.families, port.pod_port, port.protocol.upper()),
    }
    if port.app == "udp":
        return begin | _udp(port)
    passed = {"default_filter_chain": _chain("passed", _tcp(passed_cluster(port)))}
    if not plan.exposed(port):
        return begin | passed
    if port.app == "tls":
        return begin | passed | _by_server_name(plan, port)
    return begin | passed | _by_request(plan, port, directory)


def address(families: tuple[str, ...], port: int, protocol: str = "TCP", host: str = "") -> Json:
    """``host``, else every address of the Pod; of both families by one socket."""
    host = host or ("0.0.0.0" if families == ("IPv4",) else "::")
    both = {"ipv4_compat": True} if len(families) > 1 else {}
    socket = {"protocol": protocol, "address": host, "port_value": port}
    return {"socket_address": socket | both}


def watched(directory: str, file: str) -> Json:
    """A file of ours as a source of configuration. A ConfigMap's files change by a symbolic link
    of the directory that is put in place of another, so the directory is watched."""
    source = {"path": f"{directory}/{file}", "watched_directory": {"path": directory}}
    return {"resource_api_version": "V3", "path_config_source": source}


def routes_file(port: RoutedPort) -> str:
    """The file with one port's routes."""
    return f"rds-{port.number}.json"


def _by_request(plan: RoutePlan, port: RoutedPort, directory: str) -> Json:
    routes = watched(directory, routes_file(port))
    chain = _chain("http", http_filter(plan, port, routes))
    chain["filter_chain_match"] = {
        "transport_protocol": "raw_buffer",
        "application_protocols": _NAMES,
    }
    # A port that is said to be HTTP is one whose clients speak first: they may take their time.
    patience = f"{SILENCE_SECONDS}s" if port.app == "unknown" else "0s"
    return _inspected("tls", "http", patience=patience) | {"filter_chains": [chain]}


def _by_server_name(plan: RoutePlan, port: RoutedPort) -> Json:
    chains = [_of_server(rule, port, names) for rule, names in _server_names(plan, port)]
    return _inspected("tls", patience=f"{SILENCE_SECONDS}s") | {"filter_chains": chains}


def _of_server(rule: Rule, port: RoutedPort, names: list[str]) -> Json:
    chain = _chain(rule.share.service, _tcp(share_cluster(rule.share, port)))
    chain["filter_chain_match"] = {"transport_protocol": "tls", "server_names": names}
    return chain


def _server_names(plan: RoutePlan, port: RoutedPort) -> list[tuple[Rule, list[str]]]:
    """Who gets which names: each belongs to one, or Envoy takes none of all this."""
    rules = ordered(share for share in plan.exposed(port) if share.kind == "mesh")
    first: dict[str, Rule] = {}
    for rule in rules:
        for one in rule.match.conditions:
            if one.part == "sni":
                first.setdefault(one.value, rule)
    services = dict.fromkeys(rule.share.service for rule in first.values())
    found = []
    for service in services:
        names = [name for name, rule in first.items() if rule.share.service == service]
        found.append((first[names[0]], names))
    return found


def _inspected(*kinds: str, patience: str) -> Json:
    filters = [
        {
            "name": f"envoy.filters.listener.{kind}_inspector",
            "typed_config": {
                "@type": f"{ANY}envoy.extensions.filters.listener.{kind}_inspector.v3."
                f"{kind.capitalize()}Inspector"
            },
        }
        for kind in kinds
    ]
    return {
        "listener_filters": filters,
        "listener_filters_timeout": patience,
        "continue_on_listener_filters_timeout": True,
    }


def _chain(name: str, network_filter: Json) -> Json:
    return {"name": name, "filters": [network_filter]}


def _tcp(cluster: str) -> Json:
    return {
        "name": "envoy.filters.network.tcp_proxy",
        "typed_config": {
            "@type": f"{ANY}envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
            "stat_prefix": "passed",
            "cluster": cluster,
            "idle_timeout": "0s",
            # The pause lets Envoy's threads hear that somebody was put aside.
            "max_connect_attempts": 5,
            "backoff_options": {"base_interval": "0.05s", "max_interval": "0.2s"},
        },
    }


def _udp(port: RoutedPort) -> Json:
    proxy: dict[str, Any] = {
        "@type": f"{ANY}envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig",
        "stat_prefix": "passed",
        "matcher": {
            "on_no_match": {
                "action": {
                    "name": "route",
                    "typed_config": {
                        "@type": f"{ANY}envoy.extensions.filters.udp.udp_proxy.v3.Route",
                        "cluster": passed_cluster(port),
                    },
                }
            }
        },
        "idle_timeout": "300s",
    }
    named = {"name": "envoy.filters.udp_listener.udp_proxy", "typed_config": proxy}
    return {"udp_listener_config": {}, "listener_filters": [named]}
