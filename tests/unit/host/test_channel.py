import asyncio
import os
import socket

import pytest

from ktconnect.host.channel import Channel


@pytest.fixture
async def pair():
    ours, theirs = (Channel(sock) for sock in socket.socketpair())
    yield ours, theirs
    ours.close()
    theirs.close()


async def test_messages_arrive_in_order(pair):
    ours, theirs = pair
    for number in range(3):
        await ours.send({"n": number})
    assert [await theirs.receive() for _ in range(3)] == [({"n": n}, ()) for n in range(3)]


async def test_a_message_longer_than_the_sockets_buffer_arrives_whole(pair):
    ours, theirs = pair
    lines = ["10.96.0.7 web"] * 100_000
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(ours.send({"hosts": lines}))
        message, _ = await theirs.receive()
    assert message == {"hosts": lines}


@pytest.fixture
def pipe():
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)
    os.close(writing)


async def test_descriptors_come_with_their_message(pair, pipe):
    ours, theirs = pair
    await ours.send({"n": 1})
    await ours.send({"n": 2}, pipe)
    await ours.send({"n": 3}, pipe[:1])
    counts = []
    for _ in range(3):
        _, fds = await theirs.receive()
        counts.append(len(fds))
        for fd in fds:
            os.close(fd)
    assert counts == [0, 2, 1]


async def test_descriptors_find_room_when_the_peer_is_slow(pair, pipe):
    ours, theirs = pair
    ours._sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(send_many(ours, pipe[0]))
        for number in range(200):
            message, fds = await theirs.receive()
            assert message["n"] == number
            os.close(fds[0])


async def send_many(channel, descriptor):
    for number in range(200):
        await channel.send({"n": number, "filler": "x" * 1000}, (descriptor,))


async def test_the_end_is_seen_while_the_other_way_is_still_open(pair):
    ours, theirs = pair
    ours.end_sending()
    assert await theirs.receive() is None
    await theirs.send({"undone": True})
    assert await ours.receive() == ({"undone": True}, ())


async def test_a_peer_that_is_gone_is_the_end(pair):
    ours, theirs = pair
    await ours.send({"n": 1})
    theirs.close()
    assert await ours.receive() is None
    with pytest.raises(OSError, match="Broken pipe"):
        await ours.send({"n": 2})
    ours.end_sending()


async def test_descriptors_that_nobody_fetched_are_closed(pair):
    ours, theirs = pair
    reading, writing = os.pipe()
    await ours.send({"n": 1}, (writing,))
    await ours.send({"n": 2})
    os.close(writing)
    _, fds = await theirs.receive()
    theirs._fds.extend(fds)
    theirs.close()
    assert os.read(reading, 1) == b""
    os.close(reading)
