"""In this room proxies hear of rules at once."""

import pytest

from ktconnect.modes.routing import gateway, istio


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    for driver in (istio, gateway):
        monkeypatch.setattr(driver, "HEARD", 0)
    monkeypatch.setattr(gateway, "LOOK", 0.02)
