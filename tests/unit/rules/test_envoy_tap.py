"""What is asked of Envoy's admin interface to look on."""

from ktconnect.rules.envoy_tap import BODY_LIMIT, CONFIG_ID, TAP, tap_request


def test_it_asks_for_the_tap_that_the_router_has():
    config = TAP["typed_config"]["common_config"]["admin_config"]
    assert config["config_id"] == tap_request()["config_id"] == CONFIG_ID


def test_bodies_are_shown_up_to_a_limit():
    output = tap_request()["tap_config"]["output_config"]
    assert output["max_buffered_tx_bytes"] == BODY_LIMIT
    output = tap_request(body_limit=10)["tap_config"]["output_config"]
    assert output["max_buffered_rx_bytes"] == 10


def test_a_part_of_the_requests_can_be_asked_for():
    match: dict[str, object] = {"http_request_headers_match": {"headers": []}}
    assert tap_request(match)["tap_config"]["match_config"] == match
    assert tap_request()["tap_config"]["match_config"] == {"any_match": True}
