"""A ktctl of sorts: the helper, the listener and the TUN port, and a tunnel that echoes.

Options are one JSON object in argv. It prints its facts when it is ready, and answers each JSON
line on stdin with one on stdout; it ends when stdin does.
A connection is greeted with where it wanted to go and closed; every name is at 10.96.0.53.
With ``upstream`` it is a name server on that address instead, where every name is at 192.0.2.53.
"""

import asyncio
import contextlib
import errno
import json
import socket
import sys
from ipaddress import ip_address, ip_network

import dns.message
import dns.rdatatype
import dns.rrset

from ktconnect.errors import KtError
from ktconnect.host.plan import DnsPlan, HostPlan, Wanted, make_plan, networks_of
from ktconnect.host.redirect import open_redirect
from ktconnect.host.remote import open_door, open_helper
from ktconnect.host.tun import TunPort

OPTIONS = json.loads(sys.argv[1])
REFUSED_PORT = 9


class Echo:
    """A flow whose far end sends all back, except for one port, where nobody listens."""

    def __init__(self, target, events):
        self._target = target
        self._events = events

    def send(self, data):
        loop = asyncio.get_running_loop()
        if self._target.port == REFUSED_PORT:
            loop.call_soon(self._events.flow_closed, errno.ECONNREFUSED)
        elif not self._target.host.endswith((".99", "::99")):  # nobody lives there
            loop.call_soon(self._events.datagram_received, bytes(data))

    def close(self):
        pass


def answer_names(sock, address):
    """Answer what came on a UDP socket."""
    query, peer = sock.recvfrom(4096)
    asked = dns.message.from_wire(query)
    answer = dns.message.make_response(asked)
    question = asked.question[0]
    if question.rdtype == dns.rdatatype.A:
        answer.answer.append(dns.rrset.from_text(question.name, 5, "IN", "A", address))
    sock.sendto(answer.to_wire(), peer)


def greet(sock, target):
    sock.send(str(target).encode())
    sock.close()


def wanted(options):
    def networks(name):
        return tuple(ip_network(text) for text in options.get(name, ()))

    return Wanted(
        ranges=networks("ranges"),
        include=networks("include"),
        exclude=networks("exclude"),
        api_servers=tuple(ip_address(text) for text in options.get("api_servers", ())),
    )


def dns_plan(options):
    hosts = options.get("hosts")
    return DnsPlan(
        mode=options.get("dns", "none"),
        routed=tuple(options.get("routed", ("cluster.local",))),
        search=tuple(options.get("search", ())),
        hosts=None if hosts is None else tuple(hosts),
    )


def say(**answer):
    print(json.dumps(answer), flush=True)  # noqa: T201


def tell(resolver):
    say(event=resolver.to_json())


class OneSession:
    def __init__(self, door, ports):
        self.door = door
        self.ports = ports
        self.plan: HostPlan | None = None

    async def run(self, lines):
        """One helper after the other, as long as they die and stdin is open."""
        while not lines.at_eof():
            async with open_helper(self.door, on_resolver=tell) as helper:
                await self.prepare(helper)
                async with TunPort(helper.tun, Echo):
                    await self.obey(helper, lines)
                if helper.dns_sockets:
                    asyncio.get_running_loop().remove_reader(helper.dns_sockets[0])

    async def prepare(self, helper):
        facts = await helper.facts()
        self.plan = make_plan(
            wanted(OPTIONS),
            facts,
            session=OPTIONS.get("session", "s1"),
            redirect_ports=self.ports,
            forwarded=OPTIONS.get("forwarded", False),
            dns=dns_plan(OPTIONS),
        )
        await helper.check(self.plan)
        await helper.set(self.plan)
        self.facts = facts
        if helper.dns_sockets:
            udp = helper.dns_sockets[0]
            asyncio.get_running_loop().add_reader(udp, answer_names, udp, "10.96.0.53")
        sockets = [sock.getsockname() for sock in helper.dns_sockets]
        say(facts=facts.to_json(), plan=self.plan.to_json(), dns=sockets)

    async def obey(self, helper, lines):
        async with asyncio.TaskGroup() as tasks:
            lost = tasks.create_task(helper.wait_lost())
            line = tasks.create_task(lines.readline())
            while True:
                await asyncio.wait([lost, line], return_when=asyncio.FIRST_COMPLETED)
                if lost.done() or not line.result():
                    lost.cancel()
                    line.cancel()
                    return
                await self.answer(helper, json.loads(line.result()))
                line = tasks.create_task(lines.readline())

    async def answer(self, helper, request):
        """Another plan of the same session."""
        assert self.plan is not None
        changed = {**OPTIONS, **request}
        networks = networks_of(wanted(changed), self.facts)
        fields = {**self.plan.to_json(), "networks": [str(n) for n in networks]}
        fields["dns"]["hosts"] = changed.get("hosts")
        fields["dns"]["routed"] = changed.get("routed", fields["dns"]["routed"])
        try:
            await helper.set(HostPlan.from_json({**fields, **request.get("raw", {})}))
        except KtError as error:
            say(error=str(error))
        else:
            say(set=True)


async def stdin_lines():
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    return reader


def serve_names(address):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((address, 53))
        say(ready=True)
        while True:
            answer_names(sock, "192.0.2.53")


async def main():
    lines = await stdin_lines()
    async with open_door() as door:
        async with open_redirect(greet, forwarded=OPTIONS.get("forwarded", False)) as redirect:
            await OneSession(door, redirect.ports).run(lines)


with contextlib.suppress(KeyboardInterrupt):
    try:
        if "upstream" in OPTIONS:
            serve_names(OPTIONS["upstream"])
        asyncio.run(main())
    except KtError as error:
        say(error=str(error), hint=error.hint)
