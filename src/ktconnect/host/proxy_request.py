"""What a client of the proxy wants, whichever protocol it spoke."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProxyRequest:
    """Join the client to ``host``:``port``; names are resolved there where they belong.

    accepted: said to the client before its bytes pass. refused: what it is told instead, from the
    reason (None: the other side hung up). head: sent to the target before the client's bytes.
    body: how many of the client's bytes may follow; None: all that it says.
    """

    host: str
    port: int
    accepted: bytes
    refused: Callable[[OSError | None], bytes]
    head: bytes = b""
    body: int | None = None
