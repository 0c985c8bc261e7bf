"""Callers in the cluster: taken to a laptop, and to the origin when no laptop takes them."""

import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from ktconnect.tunnel.dial import Dialer
from ktconnect.tunnel.listen import Acceptor, Address
from ktconnect.tunnel.loop import Loop
from ktconnect.tunnel.splice import Splice
from ktconnect.wire.hello import AgentFacts
from ktconnect.wire.spec import Listen

from .copying import Copy
from .inbound_tcp import Waiting
from .inbound_udp import UdpPort
from .laptops import Laptops
from .listening import bound

OPENED_WITHIN: Final = 4.5
"""Seconds for which a caller waits for a laptop, or for one that does not answer. With the steps of
the clock and a slow node it comes to 6 at most."""

ORIGIN_WITHIN: Final = 10.0
"""Seconds for the origin to accept."""

Log = Callable[[str], object]


class Inbound:
    """All callers of an agent. Implements ``laptops.Watcher``. Closes: listeners and callers."""

    def __init__(
        self,
        loop: Loop,
        laptops: Laptops,
        log: Log,
        *,
        limit: float = OPENED_WITHIN,
    ) -> None:
        """``limit``: seconds that a caller waits for a laptop."""
        self.loop = loop
        self.limit = limit
        self.origins = Dialer(loop, limit=ORIGIN_WITHIN)
        self.to_laptop = self.to_origin = self.failed = 0
        self.copies = self.copies_cut = 0
        self.copying: set[Copy] = set()
        self.laptops = laptops
        self._log = log
        self._waiting: dict[Waiting, None] = {}
        self._spliced: set[Splice] = set()
        self._acceptors: list[Acceptor] = []
        self._ports: list[UdpPort] = []

    def listen(self, listens: tuple[Listen, ...]) -> None:
        """Take callers from now on. Raises: OSError if a port is taken; then none is."""
        try:
            for listen in listens:
                self._listen(listen)
        except OSError:
            self.close()
            raise

    def told_in(self, facts: AgentFacts) -> AgentFacts:
        """``facts`` with what became of the callers so far."""
        return replace(
            facts,
            calls_to_laptop=self.to_laptop,
            calls_to_origin=self.to_origin,
            calls_failed=self.failed,
            copies=self.copies,
            copies_cut=self.copies_cut,
            alone=self.laptops.alone,
        )

    @property
    def open(self) -> int:
        """Callers that wait, or are joined to the origin; those at a laptop are streams."""
        return len(self._waiting) + len(self._spliced) + sum(port.calls for port in self._ports)

    def close(self) -> None:
        """Stop listening and reset the callers that are not a laptop's. Idempotent."""
        for acceptor in self._acceptors:
            acceptor.close()
        for port in self._ports:
            port.close()
        for waiting in list(self._waiting):
            waiting.leave()
        for splice in list(self._spliced):
            splice.reset()
        for copy in list(self.copying):
            copy.broke_off()

    # -- laptops.Watcher

    def laptop_seen(self) -> None:
        """See ``laptops.Watcher``. Those who wait go to it."""
        for waiting in list(self._waiting):
            waiting.laptop_seen()

    def laptop_gone(self, now: float) -> None:
        """See ``laptops.Watcher``. The loss of its links has sent the callers on already."""
        if self._acceptors or self._ports:
            self._log("no laptop: callers go to the origin")

    def tick(self, now: float) -> None:
        """See ``laptops.Watcher``."""
        for waiting in list(self._waiting):
            waiting.check(now)
        for splice in list(self._spliced):
            splice.check()
        for copy in list(self.copying):
            copy.check(now)
        for port in self._ports:
            port.tick(now)

    # -- for one caller

    def forget(self, waiting: Waiting) -> None:
        """It waits no more."""
        self._waiting.pop(waiting, None)

    def splice(self, caller: socket.socket, origin: socket.socket, copy: Copy | None) -> None:
        """Join a caller to its origin; ``copy`` hears what it says. Closes: both, in the end."""
        self._spliced.add(Splice(self.loop, caller, origin, self._spliced.discard, copy))

    def copy_cut(self, why: str) -> None:
        """A copy did not come to its end."""
        self.copies_cut += 1
        if self.copies_cut & (self.copies_cut - 1) == 0:  # the 1st, 2nd, 4th, 8th …: no flood
            self._log(f"a copy was cut short ({self.copies_cut} so far): {why}")

    # -- inside

    def _listen(self, listen: Listen) -> None:
        sock = bound(listen)
        if listen.protocol == "udp":
            self._ports.append(UdpPort(self, sock, listen))
            return

        def accepted(caller: socket.socket, address: Address) -> None:
            waiting = Waiting(self, caller, listen, address)
            self._waiting[waiting] = None
            waiting.begin()

        self._acceptors.append(Acceptor(sock, accepted, loop=self.loop, on_full=self._log))
