import json

import pytest
from tests.unit.sessions.left import service

from ktconnect.sessions.orphan import APPLIED, is_orphan, way_back

LOST = {"app": "web-kt-exchange-abcde"}


def applied(text):
    found = service(selector=LOST)
    found["metadata"]["annotations"][APPLIED] = text
    return found


def test_a_service_that_leads_to_an_agent_of_ours_is_one():
    assert is_orphan(service(selector=LOST))
    assert not is_orphan(service())
    assert not is_orphan({"spec": {}})


def test_what_it_was_applied_with_knows_its_own_selector():
    step = way_back(applied(json.dumps({"spec": {"selector": {"app": "web"}}})))
    assert step is not None
    assert step.key == "v1/Service/demo/web#/spec/selector"
    assert (step.before, step.after) == (LOST, {"app": "web"})


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"spec": {"selector": null}}', '{"spec": {}}'])
def test_else_nobody_does(text):
    assert way_back(applied(text)) is None
    assert way_back(service(selector=LOST)) is None
