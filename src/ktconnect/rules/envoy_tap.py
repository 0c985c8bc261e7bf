"""Looking at answers as they pass: the tap of the router, for ``mirror --diff`` and ``--record``.

Every port's requests go through a tap filter. It does nothing, and costs nothing that can be
measured, until somebody asks the admin interface of one router Pod for it, through a port-forward:
``POST /tap`` with `tap_request` as its body. The answer never ends: one JSON object after another
(``envoy.data.tap.v3.TraceWrapper``), each followed by a newline, as long as the connection is
open; closing it ends the tap. Envoy lets one at a time look; the next one is answered 400
(``An attached /tap admin stream already exists``).
"""

from typing import Any, Final

from .envoy_parts import ANY, Json

CONFIG_ID: Final = "kt"
"""The one tap of a router: all its ports."""

TAP: Final[Json] = {
    "name": "envoy.filters.http.tap",
    "typed_config": {
        "@type": f"{ANY}envoy.extensions.filters.http.tap.v3.Tap",
        "common_config": {"admin_config": {"config_id": CONFIG_ID}},
        # How long an answer took: ``headers_received_time`` of request and response.
        "record_headers_received_time": True,
    },
}

BODY_LIMIT: Final = 256 * 1024
"""Bytes of a body that are shown, unless somebody asks for another number."""


def tap_request(match: Any = None, body_limit: int = BODY_LIMIT) -> Json:
    """The body of ``POST /tap``. ``match``: a ``envoy.config.common.matcher.v3.MatchPredicate``;
    without it, every request is shown. ``body_limit``: bytes of each body at most; Envoy says
    ``truncated`` in a trace where there were more."""
    return {
        "config_id": CONFIG_ID,
        "tap_config": {
            "match_config": match or {"any_match": True},
            "output_config": {
                "sinks": [{"format": "JSON_BODY_AS_BYTES", "streaming_admin": {}}],
                "max_buffered_rx_bytes": body_limit,
                "max_buffered_tx_bytes": body_limit,
            },
        },
    }
