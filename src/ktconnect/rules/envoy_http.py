"""How requests pass through, said to Envoy: one HTTP connection manager for each port.

It is to be as if it were not there: nothing is cut for its length or its duration, nothing is
normalised, ``Host`` and names of headers stay as they were written.
"""

from typing import Final

from .envoy_parts import ANY, HTTP1, Json
from .envoy_routes import route_config
from .envoy_tap import TAP
from .plan import RoutedPort, RoutePlan

_MANAGER: Final = (
    f"{ANY}envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
)

UPGRADES: Final = ("websocket", "spdy/3.1", "tcp")
"""What a connection may turn into (RFC 9110 §7.8); Envoy knows no "any". An upgrade to h2c is
answered by HTTP/1.1, as by most servers (RFC 9113 §3.1 has dropped it)."""

_NO_FLOOD: Final = 10_000
"""Streams of one HTTP/2 connection at once; clients of gRPC put all on one."""


def http_filter(plan: RoutePlan, port: RoutedPort, routes: Json) -> Json:
    """The network filter that reads requests; ``routes``: where Envoy finds the port's routes."""
    return {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {
            "@type": _MANAGER,
            "stat_prefix": stat_prefix(port),
            "codec_type": "AUTO",
            "rds": {"route_config_name": route_config(port), "config_source": routes},
            "http_filters": [TAP, _router()],
            "upgrade_configs": [{"upgrade_type": upgrade} for upgrade in UPGRADES],
        }
        | _PROTOCOLS
        | _NO_TIMEOUTS
        | _AS_IT_WAS
        | {"http_protocol_options": _http1(plan)},
    }


def stat_prefix(port: RoutedPort) -> str:
    """Under which Envoy counts a port's requests: ``http.port-80.…``."""
    return f"port-{port.number}"


_PROTOCOLS: Final[Json] = {
    "http2_protocol_options": {
        "max_concurrent_streams": _NO_FLOOD,
        "allow_connect": True,  # WebSocket over HTTP/2 (RFC 8441)
    },
    "common_http_protocol_options": {
        "idle_timeout": "3600s",
        "max_headers_count": 1000,
    },
    "max_request_headers_kb": 256,
    "proxy_100_continue": True,
}

_NO_TIMEOUTS: Final[Json] = {
    "stream_idle_timeout": "0s",
    "request_timeout": "0s",
    "request_headers_timeout": "0s",
    "delayed_close_timeout": "0.2s",
    "drain_timeout": "5s",
}

_AS_IT_WAS: Final[Json] = {
    "normalize_path": False,
    "merge_slashes": False,
    "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
    "server_header_transformation": "PASS_THROUGH",
    # The caller's address is added to X-Forwarded-For; one hop before us is believed, since an
    # ingress may have taken TLS off and said so in X-Forwarded-Proto.
    "use_remote_address": True,
    "xff_num_trusted_hops": 1,
    "forward_client_cert_details": "ALWAYS_FORWARD_ONLY",
    "preserve_external_request_id": True,
    "request_id_extension": {
        "typed_config": {
            "@type": f"{ANY}envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig",
            "pack_trace_reason": False,
        }
    },
}


def _http1(plan: RoutePlan) -> Json:
    return HTTP1 | {"accept_http_10": True, "default_host_for_http_10": plan.service}


def _router() -> Json:
    return {
        "name": "envoy.filters.http.router",
        "typed_config": {
            "@type": f"{ANY}envoy.extensions.filters.http.router.v3.Router",
            "suppress_envoy_headers": True,
        },
    }
