from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktconnect.networks import collapse, host_network, subtract, within


def networks(*texts):
    return tuple(ip_network(text) for text in texts)


def test_a_single_address_is_cut_out_exactly():
    left = subtract(networks("10.2.2.0/24"), networks("10.2.2.26/32"))
    assert left == networks(
        "10.2.2.0/28",
        "10.2.2.16/29",
        "10.2.2.24/31",
        "10.2.2.27/32",
        "10.2.2.28/30",
        "10.2.2.32/27",
        "10.2.2.64/26",
        "10.2.2.128/25",
    )


@pytest.mark.parametrize(
    ("given_", "holes", "left"),
    [
        (["10.2.2.26/32"], ["10.2.2.26/32"], []),
        (["10.2.2.0/24"], ["10.0.0.0/8"], []),
        (["10.2.2.0/24"], ["10.3.0.0/16"], ["10.2.2.0/24"]),
        (["10.2.2.0/24", "10.2.3.0/24"], [], ["10.2.2.0/23"]),
        (["10.2.2.0/24"], ["fd00::/8"], ["10.2.2.0/24"]),
        (["fd00:96::/126"], ["fd00:96::1/128"], ["fd00:96::/128", "fd00:96::2/127"]),
        (["fd00::/64", "10.0.0.0/30"], ["10.0.0.0/31"], ["10.0.0.2/31", "fd00::/64"]),
    ],
)
def test_what_is_left_after_subtracting(given_, holes, left):
    assert subtract(networks(*given_), networks(*holes)) == networks(*left)


def test_within_never_mixes_families():
    assert within(ip_network("10.1.0.0/16"), ip_network("10.0.0.0/8"))
    assert not within(ip_network("10.0.0.0/8"), ip_network("10.1.0.0/16"))
    assert within(ip_network("fd00:1::/32"), ip_network("fd00::/8"))
    assert not within(ip_network("10.0.0.0/8"), ip_network("::/0"))


def test_an_address_is_the_smallest_network():
    assert host_network(ip_address("10.0.0.1")) == ip_network("10.0.0.1/32")


def test_networks_come_without_overlap_and_ipv4_first():
    some = networks("fd00::/64", "10.0.0.0/9", "10.128.0.0/9", "10.1.0.0/16")
    assert collapse(some) == networks("10.0.0.0/8", "fd00::/64")


SMALL = st.builds(
    lambda start, bits: ip_network((0x0A000000 + start, 32 - bits), strict=False),
    st.integers(0, 255),
    st.integers(0, 6),
)


@given(st.lists(SMALL, max_size=6), st.lists(SMALL, max_size=6))
def test_subtracting_leaves_exactly_the_other_addresses_in_fewest_networks(some, holes):
    left = subtract(some, holes)
    wanted = {a for n in some for a in n} - {a for n in holes for a in n}
    assert {a for n in left for a in n} == wanted
    assert sum(n.num_addresses for n in left) == len(wanted)
    assert left == collapse(left)
