"""Shows whether there is a laptop: a port of the Pod that listens only while there is one.

For an agent without an origin, among Pods that answer as well: the kubelet's probe of that port
makes its Pod ready, and takes it out of the Service's endpoints when the laptop is gone.
"""

import socket

from ktconnect.tunnel.listen import Acceptor
from ktconnect.tunnel.loop import Loop
from ktconnect.wire.spec import Listen

from .listening import bound


class Shown:
    """Implements ``laptops.Watcher``. Closes: the listening socket, on ``close``."""

    def __init__(self, loop: Loop, port: int) -> None:
        self._loop = loop
        self._port = port
        self._acceptor: Acceptor | None = None

    def laptop_seen(self) -> None:
        """See ``laptops.Watcher``. Raises: OSError if the port is taken."""
        if self._acceptor is None:
            sock = bound(Listen("tcp", self._port))
            self._acceptor = Acceptor(sock, _close, loop=self._loop)

    def laptop_gone(self, now: float) -> None:
        """See ``laptops.Watcher``."""
        self.close()

    def tick(self, now: float) -> None:
        """See ``laptops.Watcher``."""

    def close(self) -> None:
        """Show nothing any more. Idempotent."""
        if self._acceptor is not None:
            self._acceptor.close()
            self._acceptor = None


def _close(sock: socket.socket, _peer: object) -> None:
    sock.close()
