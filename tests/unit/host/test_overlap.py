import pytest
from tests.unit.host.laptops import laptop, networks

from ktconnect.errors import HostError
from ktconnect.host.overlap import check_overlaps, check_sizes

VPN = laptop(("0.0.0.0/1", "tun0"), ("10.0.0.0/8", "tun0"))


@pytest.mark.parametrize(
    ("cluster", "route"),
    [
        ("10.96.0.0/12", "10.0.0.0/8"),
        ("10.96.0.0/12", "10.100.7.0/24"),
        ("10.96.0.0/12", "10.96.0.0/12"),
        ("fd00:96::/108", "fd00::/16"),
    ],
)
def test_an_overlap_names_both_ranges_the_interface_and_the_remedy(cluster, route):
    with pytest.raises(HostError) as error:
        check_overlaps(networks(cluster), laptop((route, "tun0")))
    assert f"{cluster} overlaps {route}" in str(error.value)
    assert "tun0" in str(error.value)
    assert "--excludeIps" in error.value.hint


def test_an_overlap_with_another_connect_is_told_as_such():
    with pytest.raises(HostError) as error:
        check_overlaps(networks("10.96.0.0/12"), laptop(("10.96.0.0/16", "kt0")))
    assert "other `ktctl connect` of this machine" in error.value.hint


def test_an_overlap_with_a_route_that_leads_nowhere_is_one_too():
    with pytest.raises(HostError, match="a route of its own"):
        check_overlaps(networks("10.96.0.0/12"), laptop(("10.96.0.0/16", "")))


def test_the_remedy_is_the_smaller_of_both():
    with pytest.raises(HostError) as error:
        check_overlaps(networks("10.96.0.0/12"), laptop(("10.100.7.0/24", "br0")))
    assert "--excludeIps 10.100.7.0/24" in error.value.hint


@pytest.mark.parametrize(
    "route", [("0.0.0.0/0", "eth0"), ("0.0.0.0/1", "tun0"), ("10.0.0.0/8", "lo")]
)
def test_default_routes_and_loopback_are_no_overlap(route):
    check_overlaps(networks("10.96.0.0/12"), laptop(route))


def test_what_the_user_includes_may_be_a_part_of_the_laptops_networks():
    included = networks("10.96.0.0/12")
    check_overlaps(included, VPN, include=included)
    with pytest.raises(HostError, match=r"10\.99\.0\.0/16"):
        check_overlaps(included, laptop(("10.99.0.0/16", "br0")), include=included)


def test_a_network_that_is_the_laptops_to_the_letter_cannot_be_included():
    included = networks("10.96.0.0/16")
    with pytest.raises(HostError) as caught:
        check_overlaps(included, laptop(("10.96.0.0/16", "wg0")), include=included)
    assert "--includeIps" not in caught.value.hint


@pytest.mark.parametrize("announced", ["0.0.0.0/1", "8000::/1"])
def test_a_cluster_cannot_take_most_of_the_world(announced):
    with pytest.raises(HostError, match=announced):
        check_sizes(networks(announced))
    check_sizes(networks("10.0.0.0/8", "fd00::/8"))
