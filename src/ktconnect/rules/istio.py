"""Shares said to Istio: rules of a VirtualService, and a DestinationRule for a session's Service.

Hosts are written short: Istio completes them with the namespace of the rule and the cluster's
domain (Istio, "Virtual Service", ``hosts``), and all of ours stand beside the Service.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any, Final

from ktconnect.errors import UsageError
from ktconnect.names import SERVED_BY

from .istio_hosts import host_fits, is_wildcard
from .istio_match import http_match
from .model import Match, Share
from .order import ordered, unusable
from .plan import app_of

Manifest = dict[str, Any]

RETRIES: Final = {"attempts": 2, "retryOn": "connect-failure,refused-stream"}
"""Only what nobody has seen yet is sent again: Istio's default repeats after a 503, too."""
REST: Final = "kt-rest"
OURS: Final = ("kt-mesh-", "kt-mirror-", "kt-exchange-")
"""How rules of sessions are called; see `rule_name`."""
TOGETHER: Final = 3
"""How many mirrors that want the same request are all told of it."""


def may_be_http(port: Mapping[str, Any]) -> bool:
    """Whether Istio takes a Service's port for HTTP, or looks (Istio, "Protocol Selection").

    ``port``: as it stands in the Service's manifest.
    """
    return app_of(port) in ("http", "grpc", "unknown")


@dataclass(frozen=True, slots=True)
class Rules:
    """What the rules of one Service's shares have in common.

    ``ports``: those of the Service that may carry HTTP. ``single``: it has no other, so that no
    rule needs to say which. ``authority``: see `istio_match.http_match`.
    """

    service: str
    ports: tuple[int, ...]
    single: bool = False
    authority: str = ""

    def check(self, share: Share) -> None:
        """Raises: UsageError if Istio can't compare what it takes, or carries none of its ports as
        HTTP."""
        for match in share.matches:
            self._match(match, 0)
        if not self._meant(share):
            ports = ", ".join(map(str, share.ports))
            raise UsageError(
                f"Istio does not read requests on port {ports} of {self.service}: "
                "by its name or appProtocol it is not HTTP",
                hint="name it http-…, or `--mode router`",
            )

    def names(self, share: Share) -> tuple[str, ...]:
        """How the rules of a share are called."""
        return tuple(
            rule_name(share, port, index)
            for index in range(len(share.matches))
            for port in self._meant(share)
        )

    def taking(self, shares: Iterable[Share]) -> list[Manifest]:
        """The rules that lead what each takes to its Service, in the order in which they are to
        be asked. A share that Istio can't be told of, or that is leaving, is left out."""
        usable = [each for each in shares if each.kind != "mirror" and self._is_usable(each)]
        return [
            self._taking(rule.share, rule.match, port)
            for rule in ordered(usable)
            for port in self._meant(rule.share)
        ]

    def copying(self, shares: Iterable[Share]) -> list[Manifest]:
        """The rules that copy what mirrors want, and let the Service itself answer.

        Of requests that several want, each gets its copy; what Istio can't compare at once goes
        to the older of them.
        """
        usable = [
            each
            for each in shares
            if each.kind == "mirror" and not each.leaving and self._is_usable(each)
        ]
        most = min(len(usable), TOGETHER)
        groups = [group for size in range(most, 0, -1) for group in combinations(usable, size)]
        return [
            rule for group in groups for port in self.ports if (rule := self._copying(group, port))
        ]

    def _is_usable(self, share: Share) -> bool:
        try:
            self.check(share)
        except UsageError:
            return False
        return not unusable(share)

    def _meant(self, share: Share) -> tuple[int, ...]:
        return tuple(port for port in self.ports if port in share.ports)

    def _taking(self, share: Share, match: Match, port: int) -> Manifest:
        return {
            "name": rule_name(share, port, share.matches.index(match)),
            **_matching([self._match(match, port)]),
            "route": [{"destination": _to(share.service, port)}],
            "retries": RETRIES,
            **_signed(share),
        }

    def _match(self, match: Match, port: int) -> Manifest:
        return http_match(match, port=0 if self.single else port, authority=self.authority)

    def _copying(self, group: tuple[Share, ...], port: int) -> Manifest | None:
        if any(port not in share.ports for share in group):
            return None
        matches = list(self._all_of(group, port))
        if not matches:
            return None
        return {
            "name": "-and-".join([rule_name(group[0], port), *(s.service for s in group[1:])]),
            **_matching(matches),
            "route": [{"destination": _to(self.service, port)}],
            "mirrors": [
                {"destination": _to(each.service, port), "percentage": {"value": each.percent}}
                for each in group
            ],
        }

    def _all_of(self, group: tuple[Share, ...], port: int) -> Iterator[Manifest]:
        """What fits a match of each, as far as Istio can compare it."""
        for matches in product(*(share.matches for share in group)):
            conditions = dict.fromkeys(one for match in matches for one in match.conditions)
            with suppress(UsageError):
                yield self._match(Match(tuple(conditions)), port)


def rule_name(share: Share, port: int, index: int = 0) -> str:
    """What a rule is called in a list with others' rules, and found by when it is undone.

    ``index``: of the share's matches.
    """
    return f"kt-{share.kind}-{share.service}-{port}" + (f"-{index}" if index else "")


def is_ours(rule: Mapping[str, Any]) -> bool:
    """Whether a rule in a list is one of a session's."""
    return str(rule.get("name", "")).startswith(OURS)


def merged(
    found: Iterable[Manifest], wanted: Iterable[Manifest], own: Container[str]
) -> list[Manifest]:
    """A list of the user's rules with one session's in it.

    ``wanted``: the rules of all sessions, in order; of these only those called as in ``own`` are
    put in, the others are their sessions' business. Ours stand in front of the user's, in the
    order of ``wanted``; what is the user's stays as it is.
    """
    now, order = list(found), {rule["name"]: rule for rule in wanted}
    theirs = [rule for rule in now if not is_ours(rule)]
    others = [rule for rule in now if is_ours(rule) and rule["name"] not in own]
    ours = others + [rule for name, rule in order.items() if name in own]
    places = list(order)
    last = len(places)
    ours.sort(key=lambda rule: places.index(rule["name"]) if rule["name"] in order else last)
    return [*ours, *theirs]


def virtual_service(metadata: Manifest, rules: Rules, shares: Sequence[Share]) -> Manifest:
    """The VirtualService of a Service that has none: what sessions take, what they copy, then
    everybody else to the Service as before."""
    rest = {"name": REST, "route": [{"destination": {"host": rules.service}}]}
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": metadata,
        "spec": {
            "hosts": [rules.service],
            "gateways": ["mesh"],
            "http": [*rules.taking(shares), *rules.copying(shares), rest],
        },
    }


def policy_for(rules: Iterable[Manifest], service: str, namespace: str) -> Manifest | None:
    """The ``spec`` of the user's DestinationRule with a policy for just this host, the oldest.

    One with a wildcard fits a session's Service by itself, wherever it fits this one.
    """
    of_age = sorted(rules, key=lambda each: each["metadata"].get("creationTimestamp") or "")
    for each in of_age:
        host = each["spec"].get("host") or ""
        at = each["metadata"]["namespace"]
        fits = not is_wildcard(host) and host_fits(host, at, service, namespace)
        if fits and each["spec"].get("trafficPolicy"):
            return dict(each["spec"])
    return None


def destination_rule(metadata: Manifest, spec: Mapping[str, Any], host: str) -> Manifest | None:
    """The same policy for the host ``host``; None if nothing of it is worth copying.

    Outlier detection is left out: the one agent would be ejected for what the laptop answers, and
    then nobody would answer at all.
    """
    policy = _without_outliers(spec["trafficPolicy"])
    if not policy:
        return None
    kept = {key: spec[key] for key in ("exportTo", "workloadSelector") if key in spec}
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": metadata,
        "spec": {"host": host, "trafficPolicy": policy, **kept},
    }


def _without_outliers(policy: Mapping[str, Any]) -> Manifest:
    kept = {key: value for key, value in policy.items() if key != "outlierDetection"}
    if "portLevelSettings" in kept:
        kept["portLevelSettings"] = [_without_outliers(each) for each in kept["portLevelSettings"]]
    return kept


def _signed(share: Share) -> Manifest:
    """Callers that are told apart hear who answered; those of an exchange hear the Service."""
    if not share.signature:
        return {}
    said = {SERVED_BY: share.signature, "cache-control": "no-store"}
    return {"headers": {"response": {"set": said}}}


def _matching(matches: list[Manifest]) -> Manifest:
    """What a rule without conditions says is nothing."""
    return {} if {} in matches else {"match": matches}


def _to(service: str, port: int) -> Manifest:
    return {"host": service, "port": {"number": port}}
