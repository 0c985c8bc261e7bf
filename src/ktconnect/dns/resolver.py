"""From a query to its answer: from here, from the cache, or by asking who the zone says."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ktconnect.networks import Address

from .ask import Ask, AskFailed
from .cache import NEGATIVE_SECONDS, Cache
from .families import of_family
from .message import (
    AAAA,
    FORMERR,
    HEADER,
    NOERROR,
    NOTIMP,
    NXDOMAIN,
    SERVFAIL,
    A,
    Question,
    answer,
    answer_count,
    as_asked,
    is_query,
    opcode,
    parse_question,
    rcode,
    renamed,
    truncated,
    with_brief_no,
)
from .name import FormatError, read_name, to_wire
from .order import CLUSTER
from .statistics import Counters, DnsStatistics
from .zone import Attempt, Decision, Zone

Reply = Callable[[bytes], None]
Key = tuple[bytes, bool, Decision]


@dataclass(frozen=True, slots=True)
class Limits:
    """waiting: queries at once, more are dropped. seconds: for one answer, all attempts together.

    cache_ttl: seconds that answers are kept at most. connections: by TCP at once; each is closed
    after ``idle`` seconds without a query (longer than ``seconds``: a slow answer is not idleness).
    """

    waiting: int = 1000
    seconds: float = 10.0
    cache_ttl: float = 60.0
    connections: int = 100
    idle: float = 15.0


@dataclass(frozen=True, slots=True)
class _Asker:
    query: bytes
    question: Question
    reply: Reply


class Resolver:
    """Answers queries. ``zone`` may be replaced at any time.

    asks: by the names that the zone uses, ``cluster``, ``upstream`` and those of an order.
    """

    def __init__(self, asks: Mapping[str, Ask], zone: Zone, limits: Limits) -> None:
        self.zone = zone
        self._asks = asks
        self._cache = Cache(limits.cache_ttl, time.monotonic)
        self._limits = limits
        self._counters = Counters()
        self._askers: dict[Key, list[_Asker]] = {}
        self._waiting = 0

    def statistics(self) -> DnsStatistics:
        return self._counters.frozen(self._waiting)

    def submit(self, query: bytes, tcp: bool, reply: Reply, tasks: asyncio.TaskGroup) -> None:
        """Call ``reply`` with the answer, at once or later from a task in ``tasks``.

        Never calls it for what is no query, or when too many are waiting (the asker tries again).
        """
        if not is_query(query):
            return
        self._counters.queries += 1
        try:
            if opcode(query) != 0:
                self._reply_locally(reply, answer(query[:HEADER], None, NOTIMP))
                return
            question = parse_question(query)
        except FormatError:
            self._reply_locally(reply, answer(query[:HEADER], None, FORMERR))
            return
        self._route(_Asker(query, question, reply), tcp, tasks)

    def _reply_locally(self, reply: Reply, response: bytes) -> None:
        self._counters.local += 1
        reply(response)

    def _route(self, asker: _Asker, tcp: bool, tasks: asyncio.TaskGroup) -> None:
        query, question = asker.query, asker.question
        decision = self.zone.route(question.name)
        if decision.address is not None:
            self._reply_locally(asker.reply, _override(query, question, decision.address))
            return
        same = _same(query, question)
        kept = self._cache.get((same, decision))
        if kept is not None:
            self._counters.local += 1
            _deliver(asker, kept, tcp)
            return
        self._enqueue((same, tcp, decision), asker, tasks)

    def _enqueue(self, key: Key, asker: _Asker, tasks: asyncio.TaskGroup) -> None:
        if self._waiting >= self._limits.waiting:
            self._counters.dropped += 1
            return
        self._waiting += 1
        askers = self._askers.setdefault(key, [])
        askers.append(asker)
        if len(askers) > 1:
            self._counters.shared += 1
            return
        tasks.create_task(self._resolve(key, asker))

    async def _resolve(self, key: Key, asker: _Asker) -> None:
        same, tcp, decision = key
        try:
            response = _brief(await self._ask_all(asker, tcp, decision), asker, decision)
            self._cache.put((same, decision), response, asker.question.end)
        except (AskFailed, TimeoutError, OSError):
            self._counters.failed += 1
            response = answer(asker.query, asker.question, SERVFAIL)
        finally:
            askers = self._askers.pop(key)
            self._waiting -= len(askers)
        for one in askers:
            _deliver(one, response, tcp)

    async def _ask_all(self, asker: _Asker, tcp: bool, decision: Decision) -> bytes:
        """The first attempt whose answer is good enough, else the best answer seen."""
        best: bytes | None = None
        failure: AskFailed | None = None
        start = time.monotonic()
        async with asyncio.timeout(self._limits.seconds):
            for attempt in decision.attempts:
                try:
                    response, whole = await self._ask(asker, tcp, attempt)
                except AskFailed as error:
                    if not decision.exhaustive:
                        raise
                    failure = error
                    continue
                best = _better(best, response)
                if not whole or _is_enough(response, decision.exhaustive):
                    break
        self._counters.latencies.append(time.monotonic() - start)
        if best is None:
            raise failure or AskFailed("nobody to ask")
        return best

    async def _ask(self, asker: _Asker, tcp: bool, attempt: Attempt) -> tuple[bytes, bool]:
        """The answer, and whether it is whole: False if addresses of one family were left out."""
        ask = self._asks.get(attempt.server)
        if ask is None:
            raise AskFailed(f"no server {attempt.server}")
        if attempt.server == CLUSTER:
            self._counters.cluster += 1
        else:
            self._counters.upstream += 1
        query = asker.query
        if attempt.name == asker.question.name:
            said = await ask(query, tcp=tcp)
            response = self._of_family(said)
            return as_asked(query, asker.question, response), response is said
        try:
            said = await ask(renamed(query, to_wire(attempt.name)), tcp=tcp)
            response = self._of_family(said)
            return renamed(response, read_name(query, HEADER)[0]), response is said
        except FormatError as error:
            raise AskFailed(f"can't ask for {attempt.name}: {error}") from error

    def _of_family(self, response: bytes) -> bytes:
        return of_family(response, self.zone.ip_version, self.zone.cluster_domain)


def _same(query: bytes, question: Question) -> bytes:
    """Equal for queries that may share an answer: all but ID and letter case."""
    asked = query[HEADER : question.end].lower()
    return query[2:HEADER] + asked + query[question.end :]


def _override(query: bytes, question: Question, address: Address) -> bytes:
    fits = question.qtype == (A if address.version == 4 else AAAA)
    return answer(query, question, NOERROR, [address] if fits else ())


def _brief(response: bytes, asker: _Asker, decision: Decision) -> bytes:
    """A resolver before us (systemd-resolved) must not keep a "no" longer than we do ourselves."""
    if not decision.may_appear:
        return response
    try:
        return with_brief_no(response, asker.question.end, NEGATIVE_SECONDS)
    except FormatError:
        return response


def _is_enough(response: bytes, exhaustive: bool) -> bool:
    if exhaustive:
        return answer_count(response) > 0
    return rcode(response) != NXDOMAIN


def _better(best: bytes | None, response: bytes) -> bytes:
    """An answer with records, else one that says the name exists, else the first."""
    return response if best is None or _rank(response) > _rank(best) else best


def _rank(response: bytes) -> int:
    if rcode(response) != NOERROR:
        return 0
    return 2 if answer_count(response) else 1


def _deliver(asker: _Asker, response: bytes, tcp: bool) -> None:
    try:
        own = as_asked(asker.query, asker.question, response)
        asker.reply(own if tcp else truncated(own, asker.question.udp_size))
    except FormatError:
        asker.reply(answer(asker.query, asker.question, SERVFAIL))
