from datetime import timedelta

import pytest
from tests.unit.sessions.left import NOW, SHADOW, exchanged, pod, service, theirs

from ktconnect.sessions.legacy_seen import (
    config_of,
    heart_beat,
    is_theirs,
    kept_selector,
    leads_to_them,
    locked_since,
)


def test_heart_beats_and_locks_are_seconds_since_the_epoch():
    assert heart_beat(pod("a", beat=7)) == NOW - timedelta(minutes=7)
    assert locked_since(service(locked=2)) == NOW - timedelta(minutes=2)
    assert heart_beat(pod("a")) is None


@pytest.mark.parametrize("text", ["", "soon", "9" * 40])
def test_one_that_makes_no_sense_is_none(text):
    broken = pod("a")
    broken["metadata"]["annotations"]["kt-last-heart-beat"] = text
    assert heart_beat(broken) is None


def test_a_shadow_says_what_it_took():
    assert config_of(pod("a", config="app=web, replicas=3")) == {"app": "web", "replicas": "3"}
    assert config_of(pod("a", config="nonsense")) == {}


def test_a_selector_is_kept_as_json():
    assert kept_selector(exchanged(1)[0]) == {"app": "web"}
    assert kept_selector(service()) is None


def test_what_leads_to_whom():
    assert leads_to_them(service(selector=SHADOW))
    assert not leads_to_them(service(selector={**SHADOW, "kt-session": "ours"}))
    assert not leads_to_them(service())
    assert is_theirs(theirs("a", {}))
    assert not is_theirs(service())
