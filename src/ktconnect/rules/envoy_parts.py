"""Parts of Envoy's configuration that every cluster has: written once in a file, then named.

Envoy reads YAML, resolves its anchors and aliases, and leaves out a key with the tag ``!ignore``
(https://www.envoyproxy.io/docs/envoy/latest/configuration/overview/examples). JSON is YAML, so a
file stays JSON but for the aliases. A thousand sessions fit into one ConfigMap by that.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

Json = dict[str, Any]

ANY: Final = "type.googleapis.com/"

_MANY: Final = 1_000_000
_HTTP_OPTIONS: Final = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

HTTP1: Final[Json] = {
    # Names of headers as the other side wrote them: HTTP/1.1 programs exist that look at it.
    "header_key_format": {
        "stateful_formatter": {
            "name": "preserve_case",
            "typed_config": {
                "@type": f"{ANY}envoy.extensions.http.header_formatters"
                ".preserve_case.v3.PreserveCaseFormatterConfig"
            },
        }
    },
    "enable_trailers": True,
}

IDLE_SECONDS: Final = 1
"""How long a connection without requests is kept for the next one. Servers close such ones after
2 s (gunicorn), 5 s (Node.js, uvicorn) or more; who writes to one that is just being closed gets a
failure that nobody would have seen without us."""

COPY_SECONDS: Final = 600
"""How long a laptop may take to answer a copy before it is given up."""


_BY_HTTP1: Final[Json] = {"http_protocol_options": HTTP1}
_BY_HTTP2: Final[Json] = {"http2_protocol_options": {}}


def _http(common: Json, protocol: Json) -> Json:
    return {
        _HTTP_OPTIONS: {
            "@type": f"{ANY}{_HTTP_OPTIONS}",
            "common_http_protocol_options": common,
        }
        | protocol
    }


def _copy(protocol: Json) -> Json:
    """Envoy has forgotten by which HTTP a request came when it sends a copy of it."""
    common = {
        "idle_timeout": f"{IDLE_SECONDS}s",
        "max_headers_count": 1000,
        "max_stream_duration": f"{COPY_SECONDS}s",
    }
    return _http(common, {"explicit_http_config": protocol})


SHARED: Final[Mapping[str, Json]] = {
    # HTTP/2 to whom it came for by HTTP/2: gRPC needs it, others may not know it.
    "http": _http(
        {"idle_timeout": f"{IDLE_SECONDS}s", "max_headers_count": 1000},
        {"use_downstream_protocol_config": _BY_HTTP1 | _BY_HTTP2},
    ),
    "copy": _copy(_BY_HTTP1),
    "copy2": _copy(_BY_HTTP2),
    # Envoy's own limits turn the 1,025th request away, which nobody had asked for.
    "nolimit": {
        "thresholds": [
            {
                "max_connections": _MANY,
                "max_pending_requests": _MANY,
                "max_requests": _MANY,
                "max_retries": _MANY,
            }
        ]
    },
    # What is beyond is not copied: a slow laptop must not fill the router's memory.
    "limit": {
        "thresholds": [
            {
                "max_connections": 64,
                "max_pending_requests": 64,
                "max_requests": 256,
                "max_retries": 0,
            }
        ]
    },
    # Who takes no connection is left alone for some seconds. What a program answers (5xx) is its
    # own business: it is told as it is, and nobody is put aside for it. Only where all do the
    # same: Envoy counts a stream that a program resets, too.
    "eject": {
        "split_external_local_origin_errors": True,
        "consecutive_local_origin_failure": 2,
        "enforcing_consecutive_local_origin_failure": 100,
        "enforcing_local_origin_success_rate": 0,
        "enforcing_consecutive_5xx": 0,
        "enforcing_consecutive_gateway_failure": 0,
        "enforcing_success_rate": 0,
        "enforcing_failure_percentage": 0,
        "interval": "0.5s",
        "base_ejection_time": "2s",
        "max_ejection_time": "5s",
        "max_ejection_percent": 100,
    },
    # A node that is gone says no goodbye: found after some 60 s of silence.
    "alive": {
        "tcp_keepalive": {"keepalive_probes": 3, "keepalive_time": 30, "keepalive_interval": 10}
    },
}


def ref(name: str) -> Any:
    """Stands for a shared part in a resource that `shared_text` writes."""
    return f"*{name}"


def shared_text(version: str, resources: Sequence[Json], more: Mapping[str, Json]) -> str:
    """A discovery response as YAML: the shared parts and ``more`` of them, then the resources."""
    parts = {**SHARED, **more}
    text = compact({"version_info": version, "resources": resources})
    for name in parts:
        text = text.replace(f'"*{name}"', f"*{name} ")
    anchored = ",".join(f"&{name} {compact(part)}" for name, part in parts.items())
    return f"{{!ignore shared: [{anchored}],{text[1:]}"


def compact(value: Any) -> str:
    """As short as JSON can be."""
    return json.dumps(value, separators=(",", ":"))
