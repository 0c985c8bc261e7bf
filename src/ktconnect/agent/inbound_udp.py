"""Callers that send datagrams: one call for all that comes from one address and port."""

import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from ktconnect.tunnel.datagram import DatagramFlow
from ktconnect.tunnel.flows import BURST, UDP_IDLE, WAITING
from ktconnect.tunnel.link import Link
from ktconnect.tunnel.resolve import numeric
from ktconnect.tunnel.socketpipe import AGAIN
from ktconnect.wire.call import Call
from ktconnect.wire.reasons import Reason
from ktconnect.wire.spec import Listen

from .listening import caller_of

if TYPE_CHECKING:
    from .inbound import Inbound

MAX_CALLS: Final = 4096
"""Calls of one port at once; beyond that the oldest is forgotten."""

REPEATED: Final = 2.0
"""Seconds for which the last datagram is repeated to the origin if the laptop turns it down."""

_MAX_MESSAGE: Final = 65_535


class UdpPort:
    """One UDP port that callers come to. Closes: its socket, and its calls'."""

    def __init__(self, inbound: "Inbound", sock: socket.socket, listen: Listen) -> None:
        self.inbound = inbound
        self.listen = listen
        self._sock = sock
        self._calls: dict[Any, UdpCall] = {}
        inbound.loop.add_reader(sock.fileno(), self._readable)

    @property
    def calls(self) -> int:
        """How many callers it knows."""
        return len(self._calls)

    def reply(self, address: Any, data: bytes) -> None:
        """Send ``data`` to a caller; dropped where the system does not take it."""
        with suppress(OSError):
            self._sock.sendto(data, address)

    def forget(self, address: Any) -> None:
        """The call is over."""
        self._calls.pop(address, None)

    def tick(self, now: float) -> None:
        """Look after the calls."""
        for call in list(self._calls.values()):
            call.check(now)

    def close(self) -> None:
        """Forget everything. Idempotent."""
        if self._sock.fileno() >= 0:
            self.inbound.loop.remove_reader(self._sock.fileno())
            self._sock.close()
        for call in list(self._calls.values()):
            call.close()

    def _readable(self) -> None:
        for _ in range(BURST):
            try:
                data, address = self._sock.recvfrom(_MAX_MESSAGE)
            except AGAIN:
                return
            except OSError:  # a caller is gone: an ICMP error for an earlier reply
                continue
            self._call(address).received(data)

    def _call(self, address: Any) -> "UdpCall":
        call = self._calls.get(address)
        if call is None:
            if len(self._calls) >= MAX_CALLS:
                next(iter(self._calls.values())).close()
            call = self._calls[address] = UdpCall(self, address)
        return call


class UdpCall:
    """One caller's datagrams. Implements ``datagram.DatagramEvents``.

    They are kept until a laptop has accepted, so that a refused one still reaches the origin.
    """

    __slots__ = (
        "_address", "_asked", "_flow", "_greetings", "_inbound", "_kept", "_last", "_link",
        "_opened", "_origin", "_port", "_used",
    )  # fmt: skip

    def __init__(self, port: UdpPort, address: Any) -> None:
        self._port = port
        self._inbound = port.inbound
        self._address = address
        self._used = self._asked = port.inbound.loop.time()
        self._link: Link | None = None
        self._flow: DatagramFlow | None = None
        self._opened = False
        self._greetings = -1
        self._kept: list[bytes] = []
        self._last: bytes | None = None
        self._origin: socket.socket | None = None

    def received(self, data: bytes) -> None:
        """A datagram of the caller."""
        self._used = self._inbound.loop.time()
        if self._flow is None:
            self._ask()
        if self._flow is not None and self._opened:
            self._last = data
            self._flow.send(data)
        elif self._flow is None and self._origin is not None:
            self._send_to_origin(data)
        elif len(self._kept) < WAITING:
            self._kept.append(data)

    def check(self, now: float) -> None:
        """Give up a laptop that does not answer, and a caller that is idle."""
        if now - self._used >= UDP_IDLE:
            self.close()
        elif self._kept and now - self._asked >= self._inbound.limit:
            self._fall()
        elif self._kept and self._flow is None:
            self._ask()

    def close(self) -> None:
        """End it, both ways. Idempotent."""
        self._port.forget(self._address)
        self._leave_laptop()
        origin, self._origin = self._origin, None
        if origin is not None:
            self._inbound.loop.remove_reader(origin.fileno())
            origin.close()

    # -- to a laptop

    def _ask(self) -> None:
        """Offer it to a laptop, once for every pipe that has come; without one, to the origin."""
        laptops = self._inbound.laptops
        link = laptops.best() if self._port.listen.to_laptop else None
        if link is not None and self._greetings != laptops.greetings:
            self._greetings = laptops.greetings
            self._offer(link)
        elif link is None and self._origin is None and self._port.listen.origin:
            self._go_to_origin()

    def _offer(self, link: Link) -> None:
        self._asked = self._inbound.loop.time()
        call = Call("udp", self._port.listen.port, *caller_of(self._address))
        self._link, self._flow = link, DatagramFlow(link, call, self)
        self._flow.on_opened = self._accepted

    def _accepted(self) -> None:
        self._opened = True
        self._inbound.to_laptop += 1
        kept, self._kept = self._kept, []
        for data in kept:
            self.received(data)

    def datagram_received(self, data: bytes) -> None:
        """See ``datagram.DatagramEvents``."""
        self._used = self._inbound.loop.time()
        self._last = None
        self._port.reply(self._address, data)

    def flow_closed(self, errno: int) -> None:
        """See ``datagram.DatagramEvents``. Another pipe may do if this one was lost."""
        self._flow = None
        if errno == Reason.IDLE:
            self.close()
            return
        if self._link is not None and self._link.closed:
            self._greetings = -1
        self._fall()

    def _leave_laptop(self) -> None:
        flow, self._flow = self._flow, None
        self._opened = False
        if flow is not None:
            flow.close()

    # -- to the origin

    def _fall(self) -> None:
        """No laptop takes it: what it has not answered goes to the origin."""
        self._leave_laptop()
        if self._last is not None and self._inbound.loop.time() - self._used < REPEATED:
            self._kept.append(self._last)
        self._last = None
        if self._port.listen.origin:
            self._go_to_origin()
        else:
            self._fail()

    def _go_to_origin(self) -> None:
        if self._origin is None and not self._connect():
            self._fail()
            return
        kept, self._kept = self._kept, []
        for data in kept:
            self._send_to_origin(data)

    def _connect(self) -> bool:
        target = self._port.listen.target
        address = None if target is None else numeric(target.host, target.port)
        if address is None:
            return False
        family, place = address
        sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            sock.connect(place)
        except OSError:
            sock.close()
            return False
        self._origin = sock
        self._inbound.to_origin += self._port.listen.to_laptop
        self._inbound.loop.add_reader(sock.fileno(), self._origin_readable)
        return True

    def _send_to_origin(self, data: bytes) -> None:
        if self._origin is not None:
            with suppress(OSError):  # full, or nobody there: dropped, as on any line
                self._origin.send(data)

    def _origin_readable(self) -> None:
        for _ in range(BURST):
            if self._origin is None:
                return
            try:
                data = self._origin.recv(_MAX_MESSAGE)
            except OSError:  # nothing more, or nobody there
                return
            self._used = self._inbound.loop.time()
            self._port.reply(self._address, data)

    def _fail(self) -> None:
        self._inbound.failed += 1
        self.close()
