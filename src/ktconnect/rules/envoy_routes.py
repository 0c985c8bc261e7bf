"""Which request goes where, said to Envoy: routes (``envoy.config.route.v3``).

They are files of their own, one for each port, so that who joins or leaves changes no listener:
connections stay as they are, and the next request on them is asked anew.
"""

import re
from itertools import product
from typing import Any, Final

from ktconnect.names import SERVED_BY

from .envoy_clusters import METADATA, grpc_cluster, origin_cluster, share_cluster
from .envoy_parts import ANY, Json, compact
from .mark import ORIGIN
from .match import cookie_regex
from .model import Condition, Match, Share
from .order import Rule, may_both_hold, ordered
from .plan import RoutedPort, RoutePlan

MOST_COPIES: Final = 64
"""Routes for the origin at most, those for gRPC not counted. Who gets a copy is part of a route, so
mirrors with conditions multiply: of ever more of them, the youngest get none."""

_RETRY: Final[Json] = {
    # Only what no program has seen can be sent again without harm.
    "retry_on": "connect-failure,refused-stream,reset-before-request",
    "num_retries": 3,
    "retry_back_off": {"base_interval": "0.005s", "max_interval": "0.05s"},
    "host_selection_retry_max_attempts": 3,
    "retry_host_predicate": [
        {
            "name": "envoy.retry_host_predicates.previous_hosts",
            "typed_config": {
                "@type": f"{ANY}envoy.extensions.retry.host.previous_hosts.v3"
                ".PreviousHostsPredicate"
            },
        }
    ],
    "retry_priority": {
        "name": "envoy.retry_priorities.previous_priorities",
        "typed_config": {
            "@type": f"{ANY}envoy.extensions.retry.priority.previous_priorities.v3"
            ".PreviousPrioritiesConfig",
            "update_frequency": 1,
        },
    },
}


def routes_text(plan: RoutePlan, port: RoutedPort, version: str) -> str:
    """The file of one port's routes."""
    resource = {
        "@type": f"{ANY}envoy.config.route.v3.RouteConfiguration",
        "name": route_config(port),
        "validate_clusters": False,
        "virtual_hosts": [
            {
                "name": plan.service,
                "domains": ["*"],
                "retry_policy": _RETRY,
                "response_headers_to_add": _answers(),
                "request_headers_to_remove": ["x-envoy-external-address", "x-envoy-internal"],
                "routes": [*_marked(plan, port), *_unmarked(plan, port)],
            }
        ],
    }
    return compact({"version_info": version, "resources": [resource]})


def route_config(port: RoutedPort) -> str:
    """The name of a port's routes, in the listener and in the file."""
    return f"port-{port.number}"


def _answers() -> list[Json]:
    """What is added to answers. Who answered says it himself, so a session whose agent is gone
    does not sign what the origin said; an empty value adds nothing."""
    return [
        _header(SERVED_BY, f"%UPSTREAM_METADATA({METADATA}:by)%"),
        _header("cache-control", f"%UPSTREAM_METADATA({METADATA}:cache)%"),
    ]


def _header(name: str, value: str) -> Json:
    action = "OVERWRITE_IF_EXISTS_OR_ADD"
    return {"header": {"key": name, "value": value}, "append_action": action}


def _marked(plan: RoutePlan, port: RoutedPort) -> list[Json]:
    rules = ordered(share for share in plan.exposed(port) if share.kind == "mesh")
    return [
        _route(rule.share.service, rule.match, share_cluster(rule.share, port))
        for rule in rules
        if not _hidden(rule.match)
    ]


def _unmarked(plan: RoutePlan, port: RoutedPort) -> list[Json]:
    """What the origin answers: most copies first, at the end everything."""
    choices = [_choices(share) for share in _copied(plan, port)]
    combined = sorted(product(*choices), key=lambda each: -sum(one is not None for one in each))
    found = []
    for each in combined:
        rules = [rule for rule in each if rule is not None]
        if _possible(rules):
            found += [_to_origin(port, rules, grpc=True)] if rules else []
            found.append(_to_origin(port, rules))
    return found


def _copied(plan: RoutePlan, port: RoutedPort) -> list[Share]:
    """The mirrors that fit; the oldest first."""
    found: list[Share] = []
    routes = 1
    for share in plan.exposed(port):
        if share.kind == "mirror" and not share.leaving:
            routes *= len(_choices(share))
            if routes <= MOST_COPIES:
                found.append(share)
    return found


def _choices(share: Share) -> list[Rule | None]:
    """The ways in which a request gets, or does not get, to a mirror."""
    seen = [Rule(share, match) for match in share.matches if not _hidden(match)]
    everything = next((rule for rule in seen if not rule.match.conditions), None)
    return [everything] if everything else [*seen, None]


def _possible(rules: list[Rule]) -> bool:
    return all(may_both_hold(one.match, two.match) for one in rules for two in rules)


def _to_origin(port: RoutedPort, rules: list[Rule], *, grpc: bool = False) -> Json:
    """``grpc``: for such requests alone, whose copies need HTTP/2."""
    conditions = dict.fromkeys(one for rule in rules for one in rule.match.conditions)
    route = _route(ORIGIN, Match(tuple(conditions)), origin_cluster(port))
    if rules:
        cluster = grpc_cluster if grpc else share_cluster
        copies = [_copy(rule.share, cluster(rule.share, port)) for rule in rules]
        route["route"]["request_mirror_policies"] = copies
    if grpc:
        route["match"]["grpc"] = {}
    return route


def _copy(share: Share, cluster: str) -> Json:
    millionths = {"numerator": round(share.percent * 10_000), "denominator": "MILLION"}
    return {
        "cluster": cluster,
        "runtime_fraction": {"default_value": millionths},
        "disable_shadow_host_suffix_append": True,
    }


def _route(name: str, match: Match, cluster: str) -> Json:
    return {
        "name": name,
        "match": _match(match),
        # 0: as long as it takes.
        "route": {"cluster": cluster, "timeout": "0s"},
    }


def _hidden(match: Match) -> bool:
    """About what TLS shows only, so no request is known to be meant."""
    return any(one.part == "sni" for one in match.conditions)


def _match(match: Match) -> Json:
    found: Json = {"prefix": "/"}
    headers: list[Json] = []
    queries: list[Json] = []
    for one in map(_as_path, match.conditions):
        if one.part == "path" and found == {"prefix": "/"}:
            found = _path(one)
        elif one.part == "query":
            queries.append({"name": one.name, "string_match": _string(one)})
        else:
            headers.append(_of_header(one))
    return found | _given("headers", headers) | _given("query_parameters", queries)


def _given(key: str, values: list[Json]) -> Json:
    return {key: values} if values else {}


def _as_path(one: Condition) -> Condition:
    return Condition("path", "", one.how, f"/{one.value}") if one.part == "grpc" else one


def _path(one: Condition) -> Json:
    if one.how == "exact":
        return {"path": one.value}
    if one.how == "regex":
        return {"safe_regex": {"regex": one.value}}
    stem = one.value.rstrip("/")
    return {"path_separated_prefix": stem} if stem else {"prefix": "/"}


def _of_header(one: Condition) -> Json:
    if one.part == "path":  # the second one: of a mirror and another
        return _named(":path", {"safe_regex": {"regex": _path_regex(one)}})
    if one.part == "cookie":
        return _named("cookie", {"safe_regex": {"regex": cookie_regex(one)}})
    return _named(":method" if one.part == "method" else one.name, _string(one))


def _path_regex(one: Condition) -> str:
    """As `_path`, of the header that has the query as well."""
    escaped = one.value if one.how == "regex" else re.escape(one.value.rstrip("/"))
    below = "(?:/[^?]*)?" if one.how == "prefix" else ""
    return rf"(?:{escaped}){below}(?:\?.*)?"


def _named(name: str, match: Any) -> Json:
    return {"name": name, "string_match": match}


def _string(one: Condition) -> Json:
    if one.how == "regex":
        return {"safe_regex": {"regex": one.value}}
    return {one.how: one.value}
