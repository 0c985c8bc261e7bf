"""The router of one Service: a stock Envoy's configuration as a pure function of a plan.

It is files and nothing else: whoever lists the same Services writes the same text. The first file
is read once; Envoy follows the others in their directory. Written for Envoy 1.40: a much older one
refuses fields that it does not know.
"""

import hashlib
from collections.abc import Mapping
from itertools import count
from typing import Any, Final

from .envoy_clusters import PASSED, clusters_text
from .envoy_http import stat_prefix
from .envoy_listeners import address, listeners_text, routes_file, watched
from .envoy_parts import ANY, Json, compact
from .envoy_routes import route_config, routes_text
from .plan import RoutePlan

DIRECTORY: Final = "/etc/kt-router"
"""Where the Pod has the ConfigMap."""

BOOTSTRAP: Final = "bootstrap.json"
CLUSTERS: Final = "cds.yaml"
LISTENERS: Final = "lds.json"

RENDERING: Final = 1
"""Raised when the same plan gives other files, or another Pod: an older ktctl then leaves them as
they are, and is told to be updated."""

READY_PATH: Final = "/ready"
"""Answered 200 on `ready_port` once everything was read and callers are let in."""

STATS_PATH: Final = "/stats?format=json&filter=%5C.(version_text|update_rejected)$"
"""What `in_force` and `rejected` read, of the admin interface."""

DRAIN_SECONDS: Final = 600
"""How long connections of a listener that changed may go on."""

MOST_CONNECTIONS: Final = 50_000
"""Callers at once, in one Pod; the next ones wait."""

LARGEST_PATTERN: Final = 100_000
"""Instructions of RE2 that one regular expression may compile to. Envoy's default is 100: it would
refuse 120 letters, and with them everybody's routes."""

_OWN_PORTS_FROM: Final = 19900
_VERSION: Final = "kt-revision"  # stands in for what is known only when all is written
_KEPT_STATS: Final = (
    r"(cluster_manager\.cds|listener_manager\.lds|http\..*\.rds\..*)\.(version_text|update_.*)",
    r"cluster\..*\.upstream_(rq_total|rq_active|cx_active|cx_connect_fail)",
    r"(http|tcp|listener)\..*downstream_(rq|cx)_(total|active|5xx)",
    r"server\.(live|memory_allocated|total_connections|uptime)",
)
"""The others would take more memory than all else of a thousand sessions."""


def router_files(plan: RoutePlan, directory: str = DIRECTORY) -> dict[str, str]:
    """The files by name, for a ConfigMap. ``directory``: where Envoy will find them.

    What can't be read by a proxy (`order.unusable`) is left out, since Envoy would refuse the rest
    with it. Every port that may be HTTP has its file of routes from the beginning: a kubelet makes
    the names of new files after it has changed the others, and Envoy refuses a listener whose file
    is not there yet. Routes and clusters change with the shares; listeners only if a port is meant
    by somebody for the first or the last time.
    """
    files = {
        BOOTSTRAP: compact(bootstrap(plan, directory)),
        LISTENERS: listeners_text(plan, directory, _VERSION),
        CLUSTERS: clusters_text(plan, _VERSION),
    }
    for port in plan.routable:
        files[routes_file(port)] = routes_text(plan, port, _VERSION)
    revision = _digest(files)
    return {name: text.replace(_VERSION, revision, 1) for name, text in files.items()}


def revision_of(files: Mapping[str, str]) -> str:
    """The revision of what `router_files` made: the same for the same requests to the same
    places."""
    return files[LISTENERS].partition('"version_info":"')[2].partition('"')[0]


def origin_address_of(files: Mapping[str, str]) -> str:
    """The cluster IP of the origin that `router_files` wrote into these; "" if they have none."""
    passed = files.get(CLUSTERS, "").partition(f'"name":"{PASSED}')[2]
    return passed.partition('"address":"')[2].partition('"')[0]


def in_force(stats: Json, plan: RoutePlan, revision: str) -> bool:
    """Whether an Envoy has taken all of a revision; ``stats``: what it says at `STATS_PATH`."""
    has = {str(each.get("name")): each.get("value") for each in stats["stats"]}
    return all(has.get(name) == revision for name in _version_stats(plan))


def rejected(stats: Json) -> tuple[str, ...]:
    """Which kinds of its files an Envoy has ever refused, and keeps what it had before."""
    found = (
        str(each.get("name")).removesuffix(".update_rejected")
        for each in stats["stats"]
        if str(each.get("name")).endswith(".update_rejected") and each.get("value")
    )
    return tuple(found)


def admin_port(plan: RoutePlan) -> int:
    """Where Envoy's admin interface listens, on the Pod's loopback: for a port-forward only."""
    return _own_ports(plan)[0]


def ready_port(plan: RoutePlan) -> int:
    """Where the Pod's readiness is asked for, by HTTP."""
    return _own_ports(plan)[1]


def router_args(directory: str = DIRECTORY, threads: int = 2) -> list[str]:
    """The arguments of the container. Whoever leaves drains at once: there is nobody to wait
    for but those who are being answered."""
    return [
        *("--config-path", f"{directory}/{BOOTSTRAP}"),
        *("--concurrency", str(threads), "--disable-hot-restart", "--log-level", "warning"),
        *("--drain-time-s", str(DRAIN_SECONDS), "--drain-strategy", "immediate"),
    ]


def bootstrap(plan: RoutePlan, directory: str = DIRECTORY) -> Json:
    """What Envoy reads once, at its start."""
    return {
        "node": {"id": "kt-router", "cluster": plan.service},
        "admin": {"address": address(("IPv4",), admin_port(plan), host="127.0.0.1")},
        "dynamic_resources": {
            "lds_config": watched(directory, LISTENERS),
            "cds_config": watched(directory, CLUSTERS),
        },
        "static_resources": {"listeners": [_ready_listener(plan)]},
        "stats_config": {"stats_matcher": {"inclusion_list": {"patterns": _patterns()}}},
        "overload_manager": _overload(),
        "layered_runtime": {"layers": [_runtime()]},
    }


def _digest(files: Mapping[str, str]) -> str:
    return hashlib.sha256("\n".join(files.values()).encode()).hexdigest()[:12]


def _version_stats(plan: RoutePlan) -> list[str]:
    routes = (f"http.{stat_prefix(p)}.rds.{route_config(p)}.version_text" for p in plan.routed)
    return ["cluster_manager.cds.version_text", "listener_manager.lds.version_text", *routes]


def _own_ports(plan: RoutePlan) -> tuple[int, int]:
    taken = {port.pod_port for port in plan.ports}
    free = (number for number in count(_OWN_PORTS_FROM) if number not in taken)
    return next(free), next(free)


def _patterns() -> list[Json]:
    return [{"safe_regex": {"regex": pattern}} for pattern in _KEPT_STATS]


def _overload() -> Json:
    limit = {
        "@type": f"{ANY}envoy.extensions.resource_monitors.downstream_connections.v3"
        ".DownstreamConnectionsConfig",
        "max_active_downstream_connections": MOST_CONNECTIONS,
    }
    name = "envoy.resource_monitors.global_downstream_max_connections"
    return {"resource_monitors": [{"name": name, "typed_config": limit}]}


def _runtime() -> Json:
    """Envoy's "Runtime": ``re2.max_program_size.error_level``."""
    sizes = {"re2": {"max_program_size": {"error_level": LARGEST_PATTERN}}}
    return {"name": "kt", "static_layer": sizes}


def _ready_listener(plan: RoutePlan) -> Json:
    """Envoy opens it when it has read all the others, not before."""
    answer = {"match": {"path": READY_PATH}, "direct_response": {"status": 200}}
    routes = {"virtual_hosts": [{"name": "ready", "domains": ["*"], "routes": [answer]}]}
    manager: dict[str, Any] = {
        "@type": f"{ANY}envoy.extensions.filters.network.http_connection_manager.v3"
        ".HttpConnectionManager",
        "stat_prefix": "ready",
        "route_config": routes,
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{ANY}envoy.extensions.filters.http.router.v3.Router"},
            }
        ],
    }
    name = "envoy.filters.network.http_connection_manager"
    return {
        "name": "ready",
        "address": address(plan.families, ready_port(plan)),
        "ignore_global_conn_limit": True,
        "filter_chains": [{"filters": [{"name": name, "typed_config": manager}]}],
    }
