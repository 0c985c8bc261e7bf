"""Laptops and ranges in few words."""

from ipaddress import ip_address, ip_network

from ktconnect.host.laptop import LaptopNetworks, Resolver, Route


def networks(*texts):
    return tuple(ip_network(text) for text in texts)


def laptop(*routes, **fields):
    given = {
        "interfaces": ("lo", "eth0"),
        "addresses": (ip_address("192.0.2.2"),),
        "routes": tuple(Route(ip_network(text), via) for text, via in routes),
        "resolver": Resolver("resolv.conf", ("192.0.2.1",)),
    }
    return LaptopNetworks(**{**given, **fields})
