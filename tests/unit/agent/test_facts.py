import ipaddress
import sys

from ktconnect import __version__
from ktconnect.agent.facts import addresses, gather


def test_the_pod_says_what_it_runs():
    facts = gather()
    assert facts.version == __version__
    assert sys.version.startswith(facts.python)


def test_addresses_are_taken_as_told():
    assert addresses("10.0.0.1, fd00::1,") == ("10.0.0.1", "fd00::1")


def test_addresses_are_found_where_none_are_told():
    for address in addresses(""):
        ipaddress.ip_address(address)
