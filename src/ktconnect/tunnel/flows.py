"""Flows of datagrams, the reaching side: one connected socket per flow.

The kernel's socket buffer is the only queue towards the link: a flow is read when the pipe takes
bytes, and what comes faster is dropped there, as on any line.
"""

import socket
from typing import Final

from ktconnect.errors import ProtocolError
from ktconnect.wire.reasons import Reason
from ktconnect.wire.target import Target

from .echo import Codec, Echo, Plain
from .link import Link
from .loop import Loop
from .member import End, OnEnd, Side
from .outbox import UNASKED
from .resolve import Address, Resolver, numeric
from .socketpipe import AGAIN

UDP_IDLE: Final = 60.0
ICMP_IDLE: Final = 10.0
"""Seconds without a message in either direction after which a flow is closed."""

BURST: Final = 32
WAITING: Final = 64
_MAX_MESSAGE: Final = 65_535


class Flows:
    """All flows of an agent; closes those that are idle."""

    def __init__(
        self, loop: Loop, resolver: Resolver, *, patience: float = UNASKED,
        udp_idle: float = UDP_IDLE,
    ) -> None:  # fmt: skip
        """``patience``: seconds that OPENED may wait for company."""
        self._loop = loop
        self._resolver = resolver
        self._patience = patience
        self._udp_idle = udp_idle
        self._flows: dict[Flow, None] = {}
        self._sweeping = False

    def open(self, link: Link, number: int, target: Target, on_end: OnEnd | None = None) -> "Flow":
        """Begin a flow to ``target``; if it can't be reached, it is reset with the reason.

        ``on_end`` hears of its end.
        """
        idle = self._udp_idle if target.kind == "udp" else ICMP_IDLE

        def ended(end: End) -> None:
            del self._flows[flow]
            if on_end is not None:
                on_end(end)

        flow = Flow(link, number, idle=idle, patience=self._patience, on_end=ended)
        self._flows[flow] = None
        self._sweep_later()
        if address := numeric(target.host, target.port):
            flow.connect(target.kind, *address)
        else:
            self._resolver.resolve(
                target.host, target.port, lambda found: flow.connect_first(target.kind, found)
            )
        return flow

    def _sweep_later(self) -> None:
        if not self._sweeping:
            self._sweeping = True
            self._loop.call_later(min(self._udp_idle, ICMP_IDLE) / 4, self._sweep)

    def _sweep(self) -> None:
        self._sweeping = False
        now = self._loop.time()
        for flow in list(self._flows):
            flow.check_time(now)
        if self._flows:
            self._sweep_later()


class Flow:
    """Implements ``member.Member`` and ``outbox.Sender``. Closes: its socket."""

    __slots__ = (
        "_codec", "_ended", "_idle", "_link", "_number", "_on_end", "_parked", "_patience",
        "_sock", "_used", "_waiting", "bulky",
    )  # fmt: skip

    def __init__(
        self, link: Link, number: int, *, idle: float, patience: float, on_end: "OnEnd"
    ) -> None:
        self._link = link
        self._number = number
        self._idle = idle
        self._patience = patience
        self._on_end = on_end
        self._used = link.loop.time()
        self._sock: socket.socket | None = None
        self._codec: Codec = Plain()
        self._waiting: list[bytes] = []
        self._parked = self._ended = False
        self.bulky = False
        link.add(number, self)

    def connect_first(self, kind: str, addresses: list[Address]) -> None:
        """Go to the best of the addresses a name had."""
        if self._ended:
            return
        if addresses:
            self.connect(kind, *addresses[0])
        else:
            self.abort(Reason.EHOSTUNREACH)

    def connect(self, kind: str, family: int, address: tuple[str, int]) -> None:
        """Go to one address."""
        try:
            sock = socket.socket(family, *_socket_kind(kind, family))
        except OSError as error:
            self.abort(error.errno or Reason.EPERM)
            return
        self._sock = sock
        if kind == "icmp":
            self._codec = Echo(family)
        try:
            sock.connect(address)
        except OSError as error:
            self.abort(error.errno or Reason.EHOSTUNREACH)
            return
        self._link.loop.add_reader(sock.fileno(), self._readable)
        self._link.say_opened(self._number, self._patience)
        for message in self._waiting:
            self._send(sock, memoryview(message))
        self._waiting.clear()

    def check_time(self, now: float) -> None:
        """Close the flow if it has been idle for long."""
        if now - self._used >= self._idle:
            self.abort(Reason.IDLE)

    # -- from the target to the link

    def pump(self) -> bool:
        """See ``outbox.Sender``."""
        self._parked = False
        if self._sock is not None:
            self._link.loop.add_reader(self._sock.fileno(), self._readable)
        return False

    def _readable(self) -> None:
        for _ in range(BURST):
            if self._sock is None or not self._read_one(self._sock):
                return

    def _read_one(self, sock: socket.socket) -> bool:
        if self._link.outbox.blocked:
            self._park(sock)
            return False
        try:
            data = sock.recv(_MAX_MESSAGE)
        except AGAIN:
            return False
        except OSError as error:
            self.abort(error.errno or Reason.ECONNREFUSED)
            return False
        self._used = self._link.loop.time()
        message = self._codec.incoming(data)
        if message is not None:
            self._link.send_datagram(self._number, message)
        return True

    def _park(self, sock: socket.socket) -> None:
        self._link.loop.remove_reader(sock.fileno())
        if not self._parked:
            self._parked = True
            self._link.outbox.park(self)

    # -- from the link to the target

    def datagram(self, payload: memoryview) -> None:
        """See ``member.Member``."""
        self._used = self._link.heard
        if self._sock is not None:
            self._send(self._sock, payload)
        elif len(self._waiting) < WAITING:
            self._waiting.append(bytes(payload))

    def _send(self, sock: socket.socket, message: memoryview) -> None:
        data = self._codec.outgoing(message)
        if data is None or self._ended:
            return
        try:
            sock.send(data)
        except AGAIN:
            pass  # a full buffer drops, as a full line does
        except OSError as error:
            self.abort(error.errno or Reason.EHOSTUNREACH)

    def reset(self, errno: int) -> None:
        """See ``member.Member``."""
        self._end(End(Side.LINK if self._link.closed else Side.THERE, errno))

    def data(self, payload: memoryview) -> None:
        """See ``member.Member``."""
        raise ProtocolError(f"{len(payload)} bytes of stream data on flow {self._number}")

    def eof(self) -> None:
        """See ``member.Member``."""
        raise ProtocolError(f"EOF on flow {self._number}")

    def granted(self, credit: int) -> None:
        """See ``member.Member``."""
        raise ProtocolError(f"{credit} bytes of credit on flow {self._number}")

    def opened(self) -> None:
        """See ``member.Member``."""
        raise ProtocolError(f"OPENED on flow {self._number}, which the other side opened")

    # -- ends

    def abort(self, errno: int) -> None:
        """End it now, telling the peer why."""
        if not self._ended:
            self._link.forget(self._number)
            self._link.refuse(self._number, errno)
            self._end(End(Side.HERE, errno))

    def _end(self, end: End) -> None:
        if self._ended:
            return
        self._ended = True
        self._waiting.clear()
        if self._sock is not None:
            self._link.loop.remove_reader(self._sock.fileno())
            self._sock.close()
            self._sock = None
        self._on_end(end)


def _socket_kind(kind: str, family: int) -> tuple[int, int]:
    if kind == "udp":
        return socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, 0
    protocol = socket.IPPROTO_ICMP if family == socket.AF_INET else socket.IPPROTO_ICMPV6
    return socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, protocol
