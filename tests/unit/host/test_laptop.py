from ipaddress import ip_address, ip_network

import pytest

from ktconnect.host.laptop import LaptopNetworks, Resolver, Route


def test_facts_survive_the_way_from_helper_to_user():
    facts = LaptopNetworks(
        interfaces=("lo", "eth0"),
        addresses=(ip_address("192.0.2.2"), ip_address("fd00::2")),
        routes=(Route(ip_network("192.0.2.0/24"), "eth0"), Route(ip_network("::/0"), "eth0")),
        resolver=Resolver("resolv.conf", ("192.0.2.1",), ("corp.example",)),
        ipv6=False,
    )
    assert LaptopNetworks.from_json(facts.to_json()) == facts


@pytest.mark.parametrize(
    ("network", "default"),
    [("0.0.0.0/0", True), ("128.0.0.0/1", True), ("2000::/3", True), ("10.0.0.0/8", False)],
)
def test_halves_of_everything_are_a_default_route_in_disguise(network, default):
    assert Route(ip_network(network), "tun0").is_default is default
