import pytest

from ktconnect.dns.order import parse_order
from ktconnect.errors import UsageError


def keys(text: str, upstream: tuple[str, ...] = ("1.2.3.4",)) -> list[str]:
    return [server.key for server in parse_order(text, upstream).servers]


def test_the_cluster_and_the_upstream_in_all_spellings():
    order = "cluster,upstream,tcp:upstream,upstream:123,tcp:upstream:123"
    expected = ["cluster", "udp:1.2.3.4:53", "tcp:1.2.3.4:53", "udp:1.2.3.4:123", "tcp:1.2.3.4:123"]
    assert keys(order) == expected


def test_addresses_in_all_spellings():
    order = "7.8.9.0,tcp:7.8.9.0,7.8.9.0:123,tcp:7.8.9.0:123,udp:7.8.9.0"
    expected = ["udp:7.8.9.0:53", "tcp:7.8.9.0:53", "udp:7.8.9.0:123", "tcp:7.8.9.0:123"]
    assert keys(order) == [*expected, "udp:7.8.9.0:53"]


def test_ipv6_addresses_with_and_without_brackets():
    order = "fd00::1,[fd00::1],[fd00::1]:123,tcp:[fd00::1]:123,tcp:fd00::1"
    expected = ["udp:[fd00::1]:53", "udp:[fd00::1]:53", "udp:[fd00::1]:123", "tcp:[fd00::1]:123"]
    assert keys(order) == [*expected, "tcp:[fd00::1]:53"]


def test_several_upstream_servers_are_one_step():
    assert keys("upstream", ("1.2.3.4", "fd00::1")) == ["udp:1.2.3.4:53|udp:[fd00::1]:53"]
    assert keys("tcp:upstream", ("::1",)) == ["tcp:[::1]:53"]


@pytest.mark.parametrize(
    "item",
    ["tcp:upstream:123:4", "tcp:1.2.3.4:53:9", "nobody", "7.8.9.0:0", "7.8.9.0:70000", "x:1.2.3.4"],
)
def test_an_item_that_means_no_server_is_skipped_and_told(item):
    order = parse_order(f"{item}, cluster", ["1.2.3.4"])
    assert [server.key for server in order.servers] == ["cluster"]
    assert order.skipped == (item,)


def test_upstream_is_skipped_where_none_is_known():
    assert parse_order("cluster,upstream", []).skipped == ("upstream",)


@pytest.mark.parametrize("text", ["", " , ", "nobody"])
def test_an_order_without_any_server_is_refused(text):
    with pytest.raises(UsageError, match="no DNS server"):
        parse_order(text, ["1.2.3.4"])
