import asyncio
import json
import os
import socket
import subprocess
import sys
from ipaddress import ip_address, ip_network

import pytest

from ktconnect.errors import HostError
from ktconnect.host.channel import Channel
from ktconnect.host.laptop import LaptopNetworks, Resolver
from ktconnect.host.plan import HostPlan
from ktconnect.host.remote import Door, open_helper

FACTS = LaptopNetworks(("lo",), (), (), Resolver("resolv.conf", ("192.0.2.1",)))
PLAN = HostPlan("s1", "kt0", (ip_address("198.18.0.1"),), (ip_network("10.0.0.0/8"),), (1, 2))


class FakeDoor(Door):
    """Hands out helpers that answer from a table; ``None`` stands for one that dies."""

    def __init__(self, **answers):
        self.answers = {"recover": {"recovered": []}, **answers}
        self.asked = []
        self.gone = asyncio.Event()

    def start_helper(self):
        ours, theirs = socket.socketpair()
        self.channel = Channel(theirs)
        return Channel(ours)

    async def work(self):
        while received := await self.channel.receive():
            request, _ = received
            self.asked.append(request)
            answer = self.answers[request["do"]]
            if answer is None:
                break
            fds = answer.get("with", ())
            await self.channel.send({k: v for k, v in answer.items() if k != "with"}, fds)
        self.channel.close()
        self.gone.set()


async def use(door, body, **options):
    """Run ``body`` with a helper."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(work_once_started(door))
        async with open_helper(door, **options) as helper:
            await body(helper)


async def work_once_started(door):
    await door.work()


async def test_what_dead_sessions_left_is_undone_before_anything_else():
    door = FakeDoor(facts={"facts": FACTS.to_json()})

    async def body(helper):
        assert await helper.facts() == FACTS

    await use(door, body)
    assert [request["do"] for request in door.asked] == ["recover", "facts"]
    assert door.gone.is_set()


async def test_what_was_undone_at_the_opening_can_still_be_told():
    door = FakeDoor(recover={"recovered": ["restored /etc/hosts"]})

    async def body(helper):
        door.answers["recover"] = {"recovered": []}
        assert helper.recovered == ["restored /etc/hosts"]
        assert await helper.recover() == []

    await use(door, body)


async def test_descriptors_are_the_helpers_until_the_block_is_left():
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    tcp = socket.create_server(("127.0.0.1", 0))
    reading, writing = os.pipe()
    door = FakeDoor(set={"set": True, "with": (writing, udp.fileno(), tcp.fileno())})
    kept = []

    async def body(helper):
        await helper.set(PLAN)
        door.answers["set"] = {"set": True}
        await helper.set(PLAN)
        kept.extend(helper.dns_sockets)
        assert [sock.type for sock in kept] == [socket.SOCK_DGRAM, socket.SOCK_STREAM]
        os.write(helper.tun, b"packet")

    await use(door, body)
    assert os.read(reading, 10) == b"packet"
    assert [sock.fileno() for sock in kept] == [-1, -1]
    assert HostPlan.from_json(door.asked[1]["plan"]) == PLAN
    for descriptor in (reading, writing):
        os.close(descriptor)
    udp.close()
    tcp.close()


async def test_what_the_helper_says_no_to_is_raised_with_its_hint():
    async def body(helper):
        with pytest.raises(HostError, match="the range is taken") as error:
            await helper.set(PLAN)
        assert error.value.hint == "do this"

    await use(FakeDoor(set={"error": "the range is taken", "hint": "do this"}), body)


async def test_a_plan_can_be_checked_before_it_is_set():
    async def body(helper):
        with pytest.raises(HostError, match="read-only") as error:
            await helper.check(PLAN)
        assert error.value.hint == "do this"

    door = FakeDoor(check={"error": "read-only", "hint": "do this"})
    await use(door, body)
    assert door.asked[-1] == {"do": "check", "plan": json.loads(json.dumps(PLAN.to_json()))}


async def test_a_helper_that_dies_is_noticed_by_who_waits_and_who_asks():
    async def body(helper):
        with pytest.raises(HostError, match="the root helper died"):
            await helper.facts()
        await helper.wait_lost()
        with pytest.raises(HostError, match="the root helper died"):
            await helper.recover()

    await use(FakeDoor(facts=None), body)


async def test_it_is_told_when_others_answer_names():
    told: asyncio.Queue[Resolver] = asyncio.Queue()
    door = FakeDoor()
    news = Resolver("resolv.conf", ("192.0.2.9",))

    async def body(_):
        await door.channel.send({"event": "resolver", "resolver": news.to_json()})
        assert await told.get() == news

    await use(door, body, on_resolver=told.put_nowait)


async def test_what_the_block_raises_comes_out_as_it_is():
    async def body(_):
        raise KeyError("mine")

    with pytest.raises(ExceptionGroup) as error:
        await use(FakeDoor(), body)
    assert [type(one) for one in error.value.exceptions] == [KeyError]


async def test_a_door_that_is_gone_is_reported():
    ours, theirs = socket.socketpair()
    theirs.close()
    with ours, pytest.raises(HostError, match="the root helper was killed"):
        Door(ours).start_helper()


NOT_ROOT = """
import asyncio
from ktconnect.errors import HostError
from ktconnect.host.remote import open_door

async def main():
    async with open_door():
        pass

try:
    asyncio.run(main())
except HostError as error:
    print(error, "-", error.hint)
"""


def test_who_is_not_root_is_told_what_to_do():
    wrapped = ["unshare", "--user", sys.executable, "-c", NOT_ROOT]
    done = subprocess.run(wrapped, capture_output=True, text=True, check=False)
    if "unshare" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert "needs root - run with sudo, or use --disableTunDevice" in done.stdout
