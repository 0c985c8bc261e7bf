import os
import stat
from ipaddress import ip_address

import pytest

from ktconnect.errors import HostError
from ktconnect.host import resolved
from ktconnect.host.laptop import Resolver
from ktconnect.host.plan import DnsPlan

STUB = Resolver("resolv.conf", ("127.0.0.53",))
DNS = DnsPlan("systemd-resolved", ("cluster.local", "~demo"), ("demo.svc.cluster.local",))


@pytest.fixture
def resolvectl(tmp_path):
    """A tool of that name which notes what it is asked, and says no to one setting."""
    tool = tmp_path / "resolvectl"
    log = tmp_path / "log"
    tool.write_text(f'#!/bin/sh\necho "$@" >> {log}\n[ "$1" != llmnr ] || [ ! -e {tmp_path}/no ]\n')
    tool.chmod(0o755)
    before = os.environ["PATH"]
    os.environ["PATH"] = f"{tmp_path}:{before}"
    yield log
    os.environ["PATH"] = before


@pytest.fixture
def nowhere(tmp_path):
    before = os.environ["PATH"]
    os.environ["PATH"] = str(tmp_path)
    yield
    os.environ["PATH"] = before


async def test_it_is_in_charge_if_names_lead_to_it_and_it_answers(resolvectl):
    assert await resolved.is_in_charge(STUB)
    assert resolvectl.read_text() == "status\n"


async def test_it_is_not_asked_if_names_lead_elsewhere(resolvectl):
    assert not await resolved.is_in_charge(Resolver("resolv.conf", ("192.0.2.1",)))
    assert not resolvectl.exists()


@pytest.mark.usefixtures("nowhere")
async def test_without_its_tool_it_is_not_in_charge():
    assert not await resolved.is_in_charge(STUB)


async def test_only_our_domains_are_asked_of_us(resolvectl):
    await resolved.ask_us("kt0", ip_address("198.18.0.1"), DNS)
    assert resolvectl.read_text().splitlines() == [
        "dns kt0 198.18.0.1",
        "domain kt0 demo.svc.cluster.local ~cluster.local ~demo",
        "default-route kt0 no",
        "llmnr kt0 no",
        "mdns kt0 no",
        "dnssec kt0 no",
        "dnsovertls kt0 no",
    ]


async def test_what_it_refuses_is_an_error_with_a_way_out(resolvectl, tmp_path):
    (tmp_path / "no").touch(mode=stat.S_IRUSR)
    with pytest.raises(HostError, match="refused `resolvectl llmnr kt0 no`") as error:
        await resolved.ask_us("kt0", ip_address("198.18.0.1"), DNS)
    assert "--dnsMode hosts" in error.value.hint
    assert len(resolvectl.read_text().splitlines()) == 4
