"""The kernel's tables in a user namespace of our own: no root, no table of the machine near."""

import json
import subprocess
import sys

import pytest

INSIDE = """
import asyncio, json, os, subprocess, sys
from ipaddress import ip_address, ip_network
from ktconnect.errors import HostError
from ktconnect.host.laptop import Resolver
from ktconnect.host.links import Links, open_tun

def refused(call, *arguments):
    try:
        return call(*arguments)
    except HostError as error:
        return str(error)

async def refused_later(awaitable):
    try:
        return await awaitable
    except HostError as error:
        return str(error)

async def main():
    sh = lambda command: subprocess.run(command, shell=True, check=True)
    sh("ip link set lo up; ip link add eth9 type veth peer name eth8; ip link set eth9 up")
    sh("ip addr add 203.0.113.2/24 dev eth9; ip route add default via 203.0.113.1")
    sh("ip route add blackhole 192.0.2.0/24; ip -6 route add fd00:5::/64 dev eth9")
    sh("ip route add 100.64.0.0/10 dev eth9 table 52")
    async with Links.open() as links:
        before = (await links.laptop(Resolver("resolv.conf"))).to_json()
        absent = await refused_later(links.add_route(ip_network("10.0.0.0/8"), "kt7"))
        twice = await refused_later(links.add_route(ip_network("203.0.113.0/24"), "eth9"))
        gone = await refused_later(links.remove_route(ip_network("10.0.0.0/8"), "eth9"))
    print(json.dumps([before, absent, twice, gone]))

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def seen():
    wrapped = ["unshare", "--user", "--map-root-user", "--net", sys.executable, "-c", INSIDE]
    done = subprocess.run(wrapped, capture_output=True, text=True, check=False)
    if "unshare" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_all_that_the_laptop_reaches_is_seen_in_every_table(seen):
    routes = [tuple(route) for route in seen[0]["routes"]]
    for route in [
        ("0.0.0.0/0", "eth9"),
        ("203.0.113.0/24", "eth9"),
        ("192.0.2.0/24", ""),
        ("100.64.0.0/10", "eth9"),
        ("fd00:5::/64", "eth9"),
    ]:
        assert route in routes
    assert all(not text.startswith("127.") for text, _ in routes)


def test_interfaces_and_addresses_are_seen(seen):
    assert {"lo", "eth8", "eth9"} <= set(seen[0]["interfaces"])
    assert "203.0.113.2" in seen[0]["addresses"]
    assert seen[0]["ipv6"] is True


def test_the_kernels_refusals_say_what_was_refused(seen):
    assert seen[1] == "the device kt7 is gone"
    assert seen[2] == "no route to 203.0.113.0/24 can be added: File exists"
    assert seen[3] == "the route to 10.0.0.0/8 can't be removed: No such process"


OPEN = """
from ktconnect.errors import HostError
from ktconnect.host.links import open_tun
try:
    open_tun("kt0")
except HostError as error:
    print(error, "-", error.hint)
"""


def test_who_may_not_make_a_device_is_told_what_to_do():
    done = subprocess.run(
        ["unshare", "--user", sys.executable, "-c", OPEN],
        capture_output=True,
        text=True,
        check=False,
    )
    if "unshare" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert "--disableTunDevice" in done.stdout
