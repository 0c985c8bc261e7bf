from ipaddress import ip_address as ip
from ipaddress import ip_network as net
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktconnect.kube.ranges import (
    addresses,
    completed,
    covers,
    guessed,
    networks,
)


def nets(text: str) -> set[Any]:
    return {net(part) for part in text.split()}


@pytest.mark.parametrize(
    ("seen", "ranges"),
    [
        ("1.2.3.4 1.2.3.100", "1.2.3.0/24"),
        ("1.2.3.4 2.3.4.5 1.2.3.100 2.3.5.5", "1.2.3.0/24 2.3.0.0/16"),
        ("1.2.3.4 1.2.3.4", "1.2.3.4/32"),
        ("1.2.3.160/28 1.2.3.176/28", "1.2.3.0/24"),
        (
            "192.168.0.18 192.168.1.18 172.168.0.7 172.168.0.8 172.167.0.7 172.167.0.8",
            "192.168.0.0/16 172.168.0.0/24 172.167.0.0/24",
        ),
        ("10.0.0.0/8 10.1.2.3", "10.0.0.0/8"),
        ("fd00:10:96::a fd00:10:96::1f", "fd00:10:96::/112"),
        ("fd00:10:244:1::5 fd00:10:244:2::5", "fd00:10:244::/56"),
        ("fd00:10:244:1::5 fd00:10:244:1:1::5", "fd00:10:244:1::/64"),
        ("fd00::1 fd77::1", "fd00::1/128 fd77::1/128"),
        ("1.2.3.4 fd00::1", "1.2.3.4/32 fd00::1/128"),
        ("", ""),
    ],
)
def test_addresses_with_a_long_prefix_in_common_become_one_range(seen, ranges):
    items = [net(text) if "/" in text else ip(text) for text in seen.split()]
    assert set(guessed(items)) == nets(ranges)


def test_what_the_cluster_tells_is_not_guessed_at():
    told, seen = nets("10.96.0.0/16"), addresses(["10.96.3.4", "10.97.1.1", "10.97.1.2"])
    assert set(completed(told, seen)) == nets("10.96.0.0/16 10.97.1.0/24")


def test_texts_that_are_no_addresses_or_networks_are_left_out():
    assert addresses(["None", "", None, "1.2.3.4"]) == (ip("1.2.3.4"),)
    assert networks(["x", "10.0.0.1/8"]) == (net("10.0.0.0/8"),)


@given(st.lists(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)), max_size=12))
def test_every_seen_address_is_covered(seen):
    ranges = guessed(seen)
    assert all(covers(ranges, address) for address in seen)
