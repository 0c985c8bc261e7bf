import asyncio
import socket
from dataclasses import replace

import pytest
from tests.unit.modes.reporting import Remembering
from tests.unit.tunnel.ends import running_agent, serving, tunnel_to

from ktconnect.errors import HostError
from ktconnect.host.channel import Channel
from ktconnect.host.remote import Door
from ktconnect.kube.facts import ClusterFacts
from ktconnect.modes.connect.access import LIVES, ProxyAccess, TunAccess
from ktconnect.modes.connect.naming import Naming
from ktconnect.modes.connect.view import View
from ktconnect.modes.spec import ConnectSpec

SPEC = ConnectSpec(disable_tun_device=True, proxy_port=0)
VIEW = View(SPEC, "demo", "cluster.local", ClusterFacts())


class Silent:
    available = False

    async def __call__(self, query, *, tcp=False):
        return query


def naming():
    return Naming(Silent(), VIEW.zone(), VIEW.order(), 0)


async def greet(reader, writer):
    writer.write(b"hello")
    await writer.drain()


async def through(proxy, target):
    reader, writer = await asyncio.open_connection(*proxy)
    writer.write(f"CONNECT {target.host}:{target.port} HTTP/1.1\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    answer = await reader.read(100)
    writer.close()
    await writer.wait_closed()
    return head.split()[1], answer


@pytest.mark.parametrize("domains", [(), ("localhost",)], ids=["others", "the cluster's"])
async def test_the_proxy_serves_what_is_the_clusters_through_the_tunnel_and_all_else(domains):
    view = replace(VIEW, spec=replace(SPEC, include_domains=domains))
    access = ProxyAccess(view)
    host, port = str(access.facts()["proxy"]).split(":")
    streams = []
    with running_agent() as agent:
        async with tunnel_to(agent) as tunnel:

            async def look(reader, writer):
                streams.append(tunnel.statistics().streams)
                await greet(reader, writer)

            async with serving(look) as target, asyncio.TaskGroup() as tasks:
                running = tasks.create_task(access.run(tunnel))
                await access.is_set.wait()
                named = replace(target, host="localhost")
                assert await through((host, port), named) == (b"200", b"hello")
                running.cancel()
    assert streams == [len(domains)]


def test_a_proxys_address_of_version_six_wears_brackets():
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    access = ProxyAccess(replace(VIEW, spec=replace(SPEC, proxy_addr="::1")))
    assert str(access.facts()["proxy"]).startswith("[::1]:")
    access.change(VIEW)
    access._listener.close()


def test_a_port_that_is_taken_is_told_at_once():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(HostError, match=str(port)):
            ProxyAccess(replace(VIEW, spec=replace(SPEC, proxy_port=port)))
        with pytest.raises(HostError, match=str(port)):
            ProxyAccess.check(replace(SPEC, proxy_port=port), Remembering())


@pytest.mark.parametrize(("address", "warned"), [("127.0.0.1", False), ("0.0.0.0", True)])
def test_a_proxy_that_others_can_reach_is_opened_with_a_warning(address, warned):
    reporter = Remembering()
    ProxyAccess.check(replace(SPEC, proxy_addr=address), reporter)
    assert bool(reporter.warnings) is warned


async def test_a_root_process_that_was_killed_ends_it_with_an_error():
    class Gone(Door):
        def start_helper(self):
            raise HostError("the root helper was killed")

    with socket.socket() as unused:
        access = TunAccess(Gone(unused), VIEW, naming(), Remembering(), "abcde")
    with running_agent() as agent:
        async with tunnel_to(agent) as tunnel:
            with pytest.raises(HostError, match="killed"):
                await access.run(tunnel)


async def test_helpers_that_die_one_after_the_other_are_given_up():
    class Deadly(Door):
        def start_helper(self):
            ours, theirs = socket.socketpair()
            theirs.close()
            return Channel(ours)

    reporter = Remembering()
    with socket.socket() as unused:
        access = TunAccess(Deadly(unused), VIEW, naming(), reporter, "abcde")
    with running_agent() as agent:
        async with tunnel_to(agent) as tunnel:
            with pytest.raises(HostError, match="again and again"):
                await access.run(tunnel)
    assert len(reporter.warnings) == LIVES


async def test_what_ends_the_serving_is_told_without_our_plumbing():
    class Broken:
        dns_sockets = (socket.socket(),)

        async def wait_lost(self):
            await asyncio.Event().wait()

    helper = Broken()
    helper.dns_sockets[0].close()
    with socket.socket() as unused:
        access = TunAccess(Door(unused), VIEW, naming(), Remembering(), "abcde")
    with pytest.raises(OSError, match="Bad file descriptor"):
        await access._serve(helper)  # type: ignore[arg-type]
