import pytest
from tests.unit.modes.inbound import service

from ktconnect.errors import UsageError
from ktconnect.modes.leading import led_to, shown, who_set_selector


def test_a_service_without_selector_cant_be_led_anywhere():
    with pytest.raises(UsageError, match="without selector"):
        led_to({}, "web-kt-exchange-abcde")


def test_a_selector_is_shown_as_kubectl_writes_it():
    assert shown({"app": "web", "tier": "front"}) == "app=web,tier=front"


def test_who_wrote_the_selector_last_is_named():
    def field(manager, time, *, selects):
        fields: dict[str, object] = {"f:spec": {"f:selector": {}} if selects else {"f:ports": {}}}
        return {"manager": manager, "time": time, "fieldsV1": fields}

    found = service()
    assert who_set_selector(found) == "someone"
    found["metadata"]["managedFields"] = [
        field("helm", "2026-01-01T00:00:01Z", selects=True),
        field("argocd-controller", "2026-01-01T00:00:02Z", selects=True),
        field("kubectl", "2026-01-01T00:00:03Z", selects=False),
    ]
    assert who_set_selector(found) == "argocd-controller"
