"""The first bytes of a pipe, both ways.

Each side sends one message: magic, protocol version, a status byte, the length of the body, the
body. The laptop says the session's token; the agent, which knows only its SHA-256, answers with
facts about its Pod, or with the reason why it refuses. Frames follow the message at once.
"""

import hashlib
import hmac
import json
import struct
from dataclasses import asdict, dataclass
from typing import Final, Protocol

from ktconnect.errors import ProtocolError, TunnelClosed

PROTOCOL_VERSION: Final = 2
MAGIC: Final = b"ktmux\x00"
MAX_TOKEN: Final = 256
MAX_FACTS: Final = 64 * 1024

_HEAD: Final = struct.Struct(">6sBBI")
_OK: Final = 0
_REFUSED: Final = 1


class HelloRefused(TunnelClosed):
    """The agent won't talk to us, or we won't talk to it; retrying the same is of no use.

    ``farewell`` is what the refusing side still has to send.
    """

    def __init__(self, message: str, *, hint: str = "", farewell: bytes = b"") -> None:
        super().__init__(message, hint=hint)
        self.farewell = farewell


@dataclass(frozen=True, slots=True)
class AgentFacts:
    """What an agent tells about itself and its Pod when a pipe is greeted."""

    version: str
    """Version of the ktconnect package the agent was built from."""
    python: str
    addresses: tuple[str, ...] = ()
    """The Pod's own IP addresses."""
    resolv_conf: str = ""
    """The text of the Pod's /etc/resolv.conf."""
    protocol: int = PROTOCOL_VERSION
    calls_to_laptop: int = 0
    """Callers that a laptop took, since the agent's start. Theirs that go on are counted."""
    calls_to_origin: int = 0
    """Callers that were passed on to the origin instead, since the agent's start."""
    calls_failed: int = 0
    """Callers that nobody took, since the agent's start."""
    copies: int = 0
    """Callers of whose words a laptop got a copy, or a part of one, since the agent's start."""
    copies_cut: int = 0
    """Those of which it got less than all: it was not there, too slow, or did not want more."""
    alone: float = 0.0
    """Seconds for which no laptop was there until this greeting; since the agent's start, if none
    was there before. 0 while one is."""


@dataclass(frozen=True, slots=True)
class Greeted:
    """The peer's hello is complete and good."""

    facts: AgentFacts | None
    """The agent's; None on the agent's own side."""
    reply: bytes
    """To be sent to the peer now."""
    rest: memoryview
    """What followed the hello: the first frames."""


class Door(Protocol):
    """One side's part in the greeting."""

    @property
    def knock(self) -> bytes:
        """What this side sends at once, before it heard anything."""

    def feed(self, data: memoryview) -> Greeted | None:
        """Take bytes of the peer; None while its hello is incomplete.

        Raises: ProtocolError if it speaks something else, HelloRefused if either side refuses.
        """


class _Reader:
    """Collects one hello message. Nothing beyond ``limit`` bytes of body is kept."""

    __slots__ = ("_buffer", "_limit")

    def __init__(self, limit: int) -> None:
        self._buffer = bytearray()
        self._limit = limit

    def feed(self, data: memoryview) -> tuple[int, int, bytes, memoryview] | None:
        """Version, status, body and the bytes after it, once they are all there."""
        used = self._take(data, 0, _HEAD.size)
        if not MAGIC.startswith(bytes(self._buffer[: len(MAGIC)])):
            raise ProtocolError("the other side does not speak our protocol")
        if len(self._buffer) < _HEAD.size:
            return None
        _, version, status, length = _HEAD.unpack_from(self._buffer)
        if length > self._limit:
            raise ProtocolError(f"a hello of {length} bytes")
        used = self._take(data, used, _HEAD.size + length)
        if len(self._buffer) < _HEAD.size + length:
            return None
        return version, status, bytes(self._buffer[_HEAD.size :]), data[used:]

    def _take(self, data: memoryview, used: int, size: int) -> int:
        part = data[used : used + max(0, size - len(self._buffer))]
        self._buffer += part
        return used + len(part)


class LaptopDoor:
    """The laptop's part: say the token, hear the facts."""

    __slots__ = ("_reader", "knock")

    def __init__(self, token: str) -> None:
        self._reader = _Reader(MAX_FACTS)
        self.knock = _message(_OK, token.encode())

    def feed(self, data: memoryview) -> Greeted | None:
        """See Door."""
        message = self._reader.feed(data)
        if message is None:
            return None
        version, status, body, rest = message
        if status != _OK:
            raise HelloRefused(
                f"the agent refused: {body.decode(errors='replace')}",
                hint="it belongs to another session; start again",
            )
        _check_version(version)
        return Greeted(_facts(body), b"", rest)


class AgentDoor:
    """The agent's part: check the token in constant time, tell the facts."""

    __slots__ = ("_digest", "_facts", "_reader", "knock")

    def __init__(self, token_sha256: str, facts: AgentFacts) -> None:
        self._digest = bytes.fromhex(token_sha256)
        self._facts = facts
        self._reader = _Reader(MAX_TOKEN)
        self.knock = b""

    def feed(self, data: memoryview) -> Greeted | None:
        """See Door."""
        message = self._reader.feed(data)
        if message is None:
            return None
        version, _, token, rest = message
        if not hmac.compare_digest(hashlib.sha256(token).digest(), self._digest):
            raise _refusal("wrong token")
        if version != PROTOCOL_VERSION:
            raise _refusal(f"protocol {version} is not {PROTOCOL_VERSION}")
        reply = _message(_OK, json.dumps(asdict(self._facts)).encode())
        return Greeted(None, reply, rest)


def token_digest(token: str) -> str:
    """The SHA-256 of a token in hex: what an agent is told."""
    return hashlib.sha256(token.encode()).hexdigest()


def _message(status: int, body: bytes) -> bytes:
    return _HEAD.pack(MAGIC, PROTOCOL_VERSION, status, len(body)) + body


def _refusal(reason: str) -> HelloRefused:
    return HelloRefused(reason, farewell=_message(_REFUSED, reason.encode()))


def _check_version(version: int) -> None:
    if version != PROTOCOL_VERSION:
        raise HelloRefused(
            f"the agent speaks protocol {version}, we speak {PROTOCOL_VERSION}",
            hint="another version of ktctl started it; start again without --shareShadow",
        )


def _facts(body: bytes) -> AgentFacts:
    try:
        fields = json.loads(body)
        return AgentFacts(
            version=str(fields["version"]),
            python=str(fields["python"]),
            addresses=tuple(str(address) for address in fields["addresses"]),
            resolv_conf=str(fields["resolv_conf"]),
            protocol=int(fields["protocol"]),
            calls_to_laptop=int(fields["calls_to_laptop"]),
            calls_to_origin=int(fields["calls_to_origin"]),
            calls_failed=int(fields["calls_failed"]),
            copies=int(fields["copies"]),
            copies_cut=int(fields["copies_cut"]),
            alone=float(fields["alone"]),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise ProtocolError(f"the agent's greeting can't be read: {error}") from None
