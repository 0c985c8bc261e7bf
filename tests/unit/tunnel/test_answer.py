import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.unit.tunnel.ends import free_port, link_pair, read_all, serving, tcp_pair, until
from tests.unit.tunnel.test_dial import deaf_server, greet
from tests.unit.tunnel.test_flows import Inbox, shouting

from ktconnect.tunnel.answer import Answers, CallRecord, ending, refusal, was_taken
from ktconnect.tunnel.datagram import DatagramFlow
from ktconnect.tunnel.link import Link
from ktconnect.tunnel.member import ORDERLY, End, Side
from ktconnect.tunnel.stream import Stream
from ktconnect.tunnel.tuning import reset_on_close
from ktconnect.wire.call import Call
from ktconnect.wire.proxyprotocol import header
from ktconnect.wire.reasons import Reason
from ktconnect.wire.target import Target

Answering = tuple[Answers, Link, list[CallRecord]]

CALL = Call("tcp", 8080, "10.244.1.7", 41234)


class Caller:
    """The agent's side of one call: what it hears, and the caller's socket."""

    def __init__(self, agent: Link, call: object = CALL) -> None:
        self.heard: list[object] = []
        self.stream = Stream(agent, agent.open(call))
        self.stream.on_opened = lambda: self.heard.append("opened")
        self.stream.on_end = self.heard.append

    async def talk(self) -> socket.socket:
        """Wait until the call is opened; the caller's end of it."""
        await until(lambda: self.heard)
        assert self.heard == ["opened"]
        caller, accepted = tcp_pair()
        self.stream.attach(accepted)
        return caller


@contextlib.asynccontextmanager
async def answering(target: Target, **options: Any) -> AsyncIterator[Answering]:
    """A laptop that answers calls to Pod port 8080 by ``target``, and the agent's link."""
    records: list[CallRecord] = []
    answers = Answers({("tcp", 8080): target}, on_call=records.append, **options)
    with link_pair() as (laptop, agent):
        laptop.on_open = answers
        await until(lambda: agent.greeted)
        yield answers, agent, records


async def test_a_call_is_opened_and_led_to_its_target():
    async with serving(greet) as target:
        async with answering(target) as (answers, agent, records):
            with await Caller(agent).talk() as sock:
                assert [record.call for record in answers.running()] == [CALL]
                sock.sendall(b"you")
                assert await read_all(sock) == b"hello you"
                sock.close()
            await until(lambda: records)
            (record,) = records
            assert (record.received, record.sent, record.ended) == (3, 9, "closed")
            assert (record.call, record.target) == (CALL, target)
            assert 0 < record.seconds < 20
            assert (answers.answered, answers.refused, answers.running()) == (1, 0, [])


async def test_further_calls_can_be_led_elsewhere():
    async with serving(greet) as target, serving(greet) as other:
        async with answering(target) as (answers, agent, records):
            answers.lead(("tcp", 8080), other)
            with await Caller(agent).talk() as sock:
                sock.sendall(b"you")
                assert await read_all(sock) == b"hello you"
            await until(lambda: records)
            assert records[0].target == other


async def test_a_copy_is_heard_and_nobody_hears_its_answer():
    async with serving(greet) as target:
        async with answering(target, mute=True) as (answers, agent, records):
            with await Caller(agent).talk() as sock:
                sock.sendall(b"you")
                sock.shutdown(socket.SHUT_WR)
                assert await read_all(sock) == b""
            await until(lambda: records)
            assert (records[0].received, records[0].sent, records[0].ended) == (3, 0, "closed")
            assert answers.answered == 1


async def test_a_copy_that_is_reset_is_one_for_its_target_too():
    heard = asyncio.Event()

    async def listen(reader, writer):
        with contextlib.suppress(ConnectionResetError):
            await reader.read()
            return
        heard.set()

    async with serving(listen) as target:
        async with answering(target, mute=True) as (_, agent, records):
            caller = Caller(agent)
            with await caller.talk():
                caller.stream.abort(Reason.ENOBUFS)
                await until(lambda: records)
            assert records[0].ended == "reset by the caller"
            async with asyncio.timeout(5):
                await heard.wait()


async def test_a_unix_socket_may_be_a_target(tmp_path):
    async def talk(reader, writer):
        await greet(reader, writer)
        writer.close()

    server = await asyncio.start_unix_server(talk, tmp_path / "s")
    async with server:
        async with answering(Target("unix", str(tmp_path / "s"))) as (_, agent, _):
            with await Caller(agent).talk() as sock:
                sock.sendall(b"you")
                assert await read_all(sock) == b"hello you"


async def test_the_callers_address_is_told_first_on_request():
    async def echo(reader, writer):
        writer.write(await reader.readexactly(len(header(CALL)) + 3))

    async with serving(echo) as target:
        async with answering(target, proxy_protocol=True) as (_, agent, _):
            with await Caller(agent).talk() as sock:
                sock.sendall(b"you")
                assert await read_all(sock) == header(CALL) + b"you"


async def test_a_target_that_closes_without_reading_its_header_ends_its_own_call(tmp_path):
    path = str(tmp_path / "app.sock")
    answers = Answers({("tcp", 8080): Target("unix", path)}, proxy_protocol=True)

    def answer(link: Link, number: int, text: str) -> None:
        answers(link, number, text)
        listener.accept()[0].close()

    with socket.socket(socket.AF_UNIX) as listener, link_pair() as (laptop, agent):
        listener.bind(path)
        listener.listen()
        laptop.on_open = answer
        await until(lambda: agent.greeted)
        caller = Caller(agent)
        await until(lambda: len(caller.heard) == 2)
        assert caller.heard == ["opened", End(Side.THERE, Reason.ECONNRESET)]
        assert not answers.running()


async def test_a_target_that_is_not_there_is_a_refusal_before_anything_was_opened():
    async with answering(Target("tcp", "127.0.0.1", free_port())) as (answers, agent, records):
        caller = Caller(agent)
        await until(lambda: caller.heard)
        assert caller.heard == [End(Side.THERE, Reason.ECONNREFUSED)]
        assert [record.ended for record in records] == ["refused: connection refused"]
        assert (answers.answered, answers.refused) == (0, 1)


async def test_a_target_that_does_not_answer_is_given_up():
    with deaf_server() as deaf:
        async with answering(deaf, limit=0.1) as (_, agent, records):
            caller = Caller(agent)
            await until(lambda: caller.heard)
            assert caller.heard == [End(Side.THERE, Reason.ETIMEDOUT)]
            assert records[0].ended == "refused: it does not answer"


async def test_an_agent_can_not_name_a_place_on_the_laptop():
    async with serving(greet) as target:
        async with answering(target) as (answers, agent, records):
            other, datagrams = Call("tcp", 22, "10.0.0.1", 5), Call("udp", 8080, "10.0.0.1", 5)
            callers = [Caller(agent, wanted) for wanted in (target, other, datagrams)]
            await until(lambda: all(caller.heard for caller in callers))
            assert [caller.heard for caller in callers] == [
                [End(Side.THERE, Reason.EINVAL)],
                [End(Side.THERE, Reason.ECONNREFUSED)],
                [End(Side.THERE, Reason.ECONNREFUSED)],
            ]
            assert (answers.answered, answers.running(), records) == (0, [], [])


async def test_near_the_end_new_calls_are_refused_and_those_that_run_go_on():
    async with serving(greet) as target:
        async with answering(target) as (answers, agent, _):
            with await Caller(agent).talk() as sock:
                answers.refuse_new()
                late = Caller(agent)
                await until(lambda: late.heard)
                assert late.heard == [End(Side.THERE, Reason.ECONNREFUSED)]
                assert await answers.drained(0.01) == 1
                sock.sendall(b"you")
                assert await read_all(sock) == b"hello you"
                sock.close()
            assert await answers.drained(5) == 0


async def test_closing_resets_the_calls_that_run():
    async with serving(greet) as target:
        async with answering(target) as (answers, agent, records):
            with await Caller(agent).talk() as sock:
                answers.close()
                answers.close()
                with pytest.raises(ConnectionResetError):
                    await read_all(sock)
            assert answers.running() == []
            assert len(records) == 1


async def test_who_waits_for_the_next_call_hears_of_it():
    async with serving(greet) as target:
        async with answering(target) as (answers, agent, _):
            waiting, given_up = answers.next_call(), answers.next_call()
            given_up.cancel()
            with await Caller(agent).talk():
                assert await waiting == CALL


async def test_a_caller_that_resets_is_told_to_the_target():
    async with serving(greet) as target:
        async with answering(target) as (_, agent, records):
            sock = await Caller(agent).talk()
            reset_on_close(sock)
            sock.close()
            await until(lambda: records)
            assert records[0].ended == "reset by the caller"


async def test_the_loss_of_the_tunnel_ends_a_call():
    async with serving(greet) as target:
        async with answering(target) as (answers, agent, records):
            with await Caller(agent).talk():
                agent.close()
                await until(lambda: records)
                assert records[0].ended == "tunnel lost"
                assert answers.running() == []


async def test_datagrams_go_to_a_udp_target_and_back():
    async with shouting() as target:
        records: list[CallRecord] = []
        answers = Answers({("udp", 53): target}, on_call=records.append)
        with link_pair() as (laptop, agent):
            laptop.on_open = answers
            await until(lambda: agent.greeted)
            inbox, call = Inbox(), Call("udp", 53, "10.0.0.1", 5)
            flow = DatagramFlow(agent, call, inbox)
            flow.send(b"who")
            await until(lambda: inbox.messages)
            assert inbox.messages == [b"WHO"]
            assert answers.answered == 1
            flow.close()
            await until(lambda: records)
            assert (records[0].call, records[0].ended) == (call, "reset by the caller")
            DatagramFlow(agent, call, inbox).send(b"again")
            await until(lambda: len(inbox.messages) == 2)
            answers.close()
            assert records[1].ended == "idle"


@pytest.mark.parametrize(
    ("accepted", "end", "words", "taken", "why"),
    [
        (True, ORDERLY, "closed", True, ""),
        (True, End(Side.HERE, Reason.ECONNRESET), "reset by the target", True, ""),
        (True, End(Side.HERE, Reason.IDLE), "idle", False, ""),
        (True, End(Side.THERE, Reason.ECONNRESET), "reset by the caller", False, ""),
        (False, End(Side.THERE, Reason.ETIMEDOUT), "reset by the caller", False, ""),
        (False, End(Side.LINK, Reason.ECONNABORTED), "tunnel lost", False, ""),
        (
            False,
            End(Side.HERE, Reason.ECONNREFUSED),
            "refused: connection refused",
            False,
            "connection refused",
        ),
    ],
)
def test_every_end_has_its_words_and_tells_whether_the_target_took_the_call(
    accepted, end, words, taken, why
):
    assert ending(accepted, end) == words
    assert (was_taken(accepted, end), refusal(accepted, end)) == (taken, why)
