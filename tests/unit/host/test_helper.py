import asyncio
import socket
import subprocess
import sys
from dataclasses import replace
from ipaddress import ip_address

import pytest

from ktconnect.errors import HostError
from ktconnect.host.backend import HostBackend
from ktconnect.host.channel import Channel
from ktconnect.host.helper import Worker
from ktconnect.host.laptop import LaptopNetworks, Resolver
from ktconnect.host.plan import DnsPlan, HostPlan

FACTS = LaptopNetworks(("lo",), (), (), Resolver("resolv.conf"))
PLAN = HostPlan("s1", "kt0", (ip_address("198.18.0.1"),), (), (1, 2))


class FakeNetwork:
    """A laptop of no consequence."""

    def __init__(self, descriptors):
        self.descriptors = descriptors
        self.plans = []
        self.news: asyncio.Queue[Resolver] = asyncio.Queue()

    async def look(self):
        return FACTS

    def check(self, plan):
        if plan.dns.mode == "resolv.conf":
            raise HostError("read-only", hint="take another")

    async def set(self, plan):
        if plan.tun == "kt9":
            raise HostError("no such plan", hint="take another")
        self.plans.append(plan)

    async def keep(self, changed):
        while True:
            changed(await self.news.get())


@pytest.fixture
async def sides(tmp_path):
    """ktctl's end of the channel, and a network; a worker serves between them."""
    ours, theirs = (Channel(sock) for sock in socket.socketpair())
    with open("/dev/null") as tun:  # noqa: ASYNC230 - a device that never blocks
        network = FakeNetwork((tun.fileno(),))
        worker = Worker(theirs, network, HostBackend(tmp_path))  # type: ignore[arg-type]
        async with asyncio.TaskGroup() as tasks:
            serving = [tasks.create_task(worker.serve()), tasks.create_task(worker.keep())]
            yield ours, network
            ours.close()
            for task in serving:
                task.cancel()
    theirs.close()


async def ask(channel, **request):
    await channel.send(request)
    return await channel.receive()


async def test_facts_are_told(sides):
    answer, _ = await ask(sides[0], do="facts")
    assert LaptopNetworks.from_json(answer["facts"]) == FACTS


async def test_a_plan_is_checked_without_being_set(sides):
    ours, network = sides
    assert await ask(ours, do="check", plan=PLAN.to_json()) == ({"checked": True}, ())
    plan = replace(PLAN, dns=DnsPlan("resolv.conf"))
    answer, _ = await ask(ours, do="check", plan=plan.to_json())
    assert answer == {"error": "read-only", "hint": "take another"}
    assert network.plans == []


async def test_descriptors_are_given_once(sides):
    ours, network = sides
    answer, fds = await ask(ours, do="set", plan=PLAN.to_json())
    assert answer == {"set": True}
    assert len(fds) == 1
    socket.close(fds[0])
    assert await ask(ours, do="set", plan=PLAN.to_json()) == ({"set": True}, ())
    assert network.plans == [PLAN, PLAN]


@pytest.mark.parametrize(
    "request_",
    [
        {"do": "format the disk"},
        {"do": "set"},
        {"do": "set", "plan": {}},
        {"do": "set", "plan": {**PLAN.to_json(), "tun": "eth0"}},
        {"do": "set", "plan": {**PLAN.to_json(), "tun": "kt9"}},
    ],
)
async def test_what_it_does_not_do_is_refused_and_the_next_request_served(sides, request_):
    ours, network = sides
    answer, _ = await ask(ours, **request_)
    assert set(answer) == {"error", "hint"}
    assert network.plans == []
    answer, _ = await ask(ours, do="facts")
    assert "facts" in answer


async def test_descriptors_that_nobody_wants_are_closed(sides):
    one, other = socket.socketpair()
    with one:
        await sides[0].send({"do": "facts"}, (other.fileno(),))
        other.close()
        await sides[0].receive()
        assert one.recv(1) == b""


async def test_another_resolver_is_told_of_unasked(sides):
    ours, network = sides
    news = Resolver("resolv.conf", ("192.0.2.9",))
    network.news.put_nowait(news)
    message, _ = await ours.receive()
    assert message["event"] == "resolver"
    assert Resolver.from_json(message["resolver"]) == news


def test_the_door_ends_when_nobody_can_knock_any_more():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        number = str(theirs.fileno())
        argv = [sys.executable, "-I", "-m", "ktconnect.host.helper", number]
        with subprocess.Popen(argv, pass_fds=[theirs.fileno()]) as process:
            ours.shutdown(socket.SHUT_WR)
    assert process.returncode == 0
