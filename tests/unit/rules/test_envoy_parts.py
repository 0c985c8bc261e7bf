"""YAML that is JSON but for its aliases."""

import yaml

from ktconnect.rules.envoy_parts import SHARED, ref, shared_text


class Loader(yaml.CSafeLoader):
    """Knows the tag as Envoy does: what has it is left out."""


Loader.add_constructor("!ignore", lambda loader, node: "ignored")


def read(text):
    """As Envoy reads it."""
    found = yaml.load(text, Loader)
    found.pop("ignored")
    return found


def test_what_many_have_is_written_once_and_read_by_each():
    text = shared_text(
        "7", [{"a": ref("http"), "b": [ref("mine"), ref("http")]}], {"mine": {"x": 1}}
    )
    found = read(text)
    assert found == {
        "version_info": "7",
        "resources": [{"a": SHARED["http"], "b": [{"x": 1}, SHARED["http"]]}],
    }


def test_requests_go_on_as_they_came_and_copies_as_is_said():
    names = ("http", "copy", "copy2")
    http, copy, grpc = (next(iter(SHARED[name].values())) for name in names)
    assert [*http["use_downstream_protocol_config"]] == [
        "http_protocol_options",
        "http2_protocol_options",
    ]
    assert [*copy["explicit_http_config"]] == ["http_protocol_options"]
    assert [*grpc["explicit_http_config"]] == ["http2_protocol_options"]


def test_nothing_is_turned_away_for_its_number_but_copies():
    [most] = SHARED["nolimit"]["thresholds"]
    [copies] = SHARED["limit"]["thresholds"]
    assert min(most.values()) == 1_000_000
    assert max(copies.values()) < 1000
