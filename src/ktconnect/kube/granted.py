"""What a user may do in a namespace by the rules that hold there: one question instead of many.

A cluster whose authorizers can all name their rules (RBAC can, a webhook can't) says so by
``incomplete: false`` (Kubernetes, "SelfSubjectRulesReview"); only then its answer is believed. What
the rules don't grant is to be asked one by one.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from .paths import Manifest

ALL = "*"


class Wanted(Protocol):
    """A verb on a resource of a group: `rights.Right`."""

    @property
    def verb(self) -> str: ...
    @property
    def group(self) -> str: ...
    @property
    def resource(self) -> str: ...


def review(namespace: str) -> Manifest:
    """The question as a manifest."""
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "metadata": {},
        "spec": {"namespace": namespace},
    }


def rules_of(answer: Manifest) -> list[Mapping[str, Any]]:
    """The rules of an answer; none if they are not all there are."""
    status = answer.get("status") or {}
    return list(status.get("resourceRules") or ()) if status.get("incomplete") is False else []


def grants(rules: Iterable[Mapping[str, Any]], right: Wanted) -> bool:
    """Whether one of the rules allows it for objects of any name."""
    return any(_grants(rule, right) for rule in rules)


def _grants(rule: Mapping[str, Any], right: Wanted) -> bool:
    return (
        not rule.get("resourceNames")
        and bool({ALL, right.verb} & _said(rule, "verbs"))
        and bool({ALL, right.group} & _said(rule, "apiGroups"))
        and bool(_resources(right) & _said(rule, "resources"))
    )


def _resources(right: Wanted) -> set[str]:
    """How a rule may name it: ``*`` is all, ``*/scale`` that subresource of all."""
    _, slash, subresource = right.resource.partition("/")
    return {ALL, right.resource} | ({f"{ALL}/{subresource}"} if slash else set())


def _said(rule: Mapping[str, Any], key: str) -> set[str]:
    return set(rule.get(key) or ())
