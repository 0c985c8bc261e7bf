"""The Pod's readiness, for an exec probe: does the agent listen?

A kubelet's own TCP probe can't reach the Pod's loopback. The check waits for the agent to come
up, so that the first probe of a new Pod succeeds the moment the agent listens.
"""

import socket
import time

WAIT = 3.0
"""Seconds to wait for an agent that is starting."""

_STEP = 0.02


def listens(port: int, wait: float = WAIT) -> bool:
    """True as soon as something accepts on ``port`` of the loopback; False after ``wait`` s."""
    deadline = time.monotonic() + wait
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_STEP)
        else:
            return True
