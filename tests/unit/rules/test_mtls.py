from typing import Any

import pytest

from ktconnect.rules.mtls import is_strict

PODS: list[dict[str, Any]] = [{"metadata": {"labels": {"app": "web"}}}, {"metadata": {}}]


def policy(mode, namespace="shop", **selector):
    chosen = {"selector": {"matchLabels": selector}} if selector else {}
    mtls = {"mtls": {"mode": mode}} if mode else {}
    return {"metadata": {"name": "p", "namespace": namespace}, "spec": {**mtls, **chosen}}


@pytest.mark.parametrize(
    ("policies", "strict"),
    [
        ([], False),
        ([policy("STRICT")], True),
        ([policy("PERMISSIVE")], False),
        ([policy("STRICT", "istio-system")], True),
        ([policy("STRICT", "istio-system", app="web")], False),
        ([policy("STRICT", "istio-system"), policy("PERMISSIVE")], False),
        ([policy("STRICT", "istio-system"), policy("UNSET"), policy(None)], True),
        ([policy("PERMISSIVE"), policy("STRICT", app="web")], True),
        ([policy("STRICT"), policy("DISABLE", app="web")], False),
        ([policy("STRICT", app="other")], False),
    ],
)
def test_what_is_said_nearest_to_the_pods_counts(policies, strict):
    assert is_strict(policies, "shop", PODS) is strict
