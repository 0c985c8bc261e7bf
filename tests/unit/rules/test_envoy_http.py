"""Nothing is cut, nothing is changed."""

from ktconnect.rules.envoy_http import UPGRADES, http_filter, stat_prefix
from ktconnect.rules.plan import RoutedPort, RoutePlan

PORT = RoutedPort(80, 8080, "http")
MADE = http_filter(RoutePlan("shop", "web", (PORT,), (), "10.96.0.9"), PORT, {"some": "source"})
MANAGER = MADE["typed_config"]


def test_nothing_is_cut_for_its_duration():
    for name in ("stream_idle_timeout", "request_timeout", "request_headers_timeout"):
        assert MANAGER[name] == "0s"


def test_paths_and_servers_names_stay():
    assert MANAGER["normalize_path"] is False
    assert MANAGER["merge_slashes"] is False
    assert MANAGER["server_header_transformation"] == "PASS_THROUGH"
    assert MANAGER["http_protocol_options"]["default_host_for_http_10"] == "web"


def test_routes_come_from_where_it_is_said():
    assert MANAGER["rds"] == {"route_config_name": "port-80", "config_source": {"some": "source"}}
    assert stat_prefix(PORT) == "port-80"


def test_connections_may_turn_into_others():
    assert [each["upgrade_type"] for each in MANAGER["upgrade_configs"]] == list(UPGRADES)
