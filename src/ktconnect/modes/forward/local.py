"""One port of this machine, and what it leads to in the cluster."""

import socket
from collections.abc import Sequence
from dataclasses import dataclass

from ktconnect.errors import KtError
from ktconnect.host.localports import bind_all, port_of
from ktconnect.host.udprelay import UdpRelay
from ktconnect.modes.report import Reporter
from ktconnect.modes.serving.selftest import milliseconds
from ktconnect.tunnel.listen import Acceptor
from ktconnect.tunnel.tuning import reset_on_close
from ktconnect.tunnel.tunnel import Tunnel
from ktconnect.wire.target import Target

from .choose import Nowhere
from .follow import Leading
from .goal import HOST, Goal
from .ports import Remote


@dataclass(frozen=True, slots=True)
class Tried:
    """What a connection that was tried has met, in words."""

    text: str
    good: bool = True


class LocalPort:
    """Takes what this machine's programs send, and has it carried. Closes: ``close``."""

    def __init__(self, goal: Goal, remote: Remote, lead: Leading) -> None:
        self._goal = goal
        self._lead = lead
        self._sockets: list[socket.socket] = []
        self._open: list[Acceptor | UdpRelay] = []
        self.remote = remote
        self.number = remote.local

    @property
    def leads_to(self) -> str:
        """``service/web:80``."""
        name = f"[{self._goal}]" if ":" in str(self._goal) else str(self._goal)
        return f"{name}:{self.remote}"

    @property
    def described(self) -> str:
        """``127.0.0.1:8080 -> service/web:80``."""
        hosts = [sock.getsockname()[0] for sock in self._sockets]
        shown = (
            f"[{host}]:{self.number}" if ":" in host else f"{host}:{self.number}" for host in hosts
        )
        return f"{', '.join(shown)} -> {self.leads_to}"

    @property
    def banner(self) -> str:
        """What KT Connect says at this moment."""
        kind = "" if self._goal.kind == HOST else f"{str(self._goal).partition('/')[0]} "
        return (
            f"Now you can access port {self.remote} of {kind}'{self._goal.name}' "
            f"via 'localhost:{self.number}'"
        )

    def bind(self, addresses: Sequence[str]) -> None:
        """Take the port on these addresses. Raises: HostError."""
        self._sockets = bind_all(addresses, self.remote.protocol, self.number)
        self.number = port_of(self._sockets)

    def open(self, tunnel: Tunnel) -> None:
        """From now on everything goes through ``tunnel``."""
        for sock in self._sockets:
            if self.remote.protocol == "udp":
                self._open.append(UdpRelay(sock, self._route, tunnel.open_datagrams))
            else:
                self._open.append(Acceptor(sock, lambda caller, _: self._join(caller, tunnel)))

    def close(self) -> None:
        """Give the port back. Idempotent."""
        for each in self._open:
            each.close()
        for sock in self._sockets:
            sock.close()

    async def tried(self, tunnel: Tunnel, reporter: Reporter) -> Tried:
        """What a first connection meets; trouble is warned of, and may pass."""
        try:
            target = self._route()
            seconds = await tunnel.reach(target)
        except KtError as error:
            reporter.warn(
                f"{self.leads_to}: {error}",
                "it is tried anew at each connection; what listens on its Pod's own loopback "
                "alone is out of reach",
            )
            return Tried(f"{self.leads_to} does not answer", good=False)
        if self.remote.protocol == "udp":
            return Tried(f"{self.leads_to} has a route, UDP tells no more")
        return Tried(f"{self.leads_to} answers in {milliseconds(seconds)}")

    def _route(self) -> Target:
        return self._lead.target(self.remote)

    def _join(self, sock: socket.socket, tunnel: Tunnel) -> None:
        try:
            target = self._route()
        except Nowhere:
            reset_on_close(sock)
            sock.close()
        else:
            tunnel.join(sock, target)
