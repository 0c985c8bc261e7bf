"""One caller's connection as an agent announces it: ``tcp:8080:10.244.1.7:41234``.

It is what an agent's OPEN carries. The laptop decides where it leads: an agent can't name a place
on the laptop.
"""

from dataclasses import dataclass
from typing import Final, Literal, get_args

from ktconnect.errors import UsageError

from .target import Target

Protocol = Literal["tcp", "udp"]

PROTOCOLS: Final[tuple[Protocol, ...]] = get_args(Protocol)


@dataclass(frozen=True, slots=True)
class Call:
    """A caller's TCP connection, or all datagrams that come from one address and port.

    ``port`` is the Pod's port that the caller came to. ``caller`` is the address the agent sees,
    which is a node's where the cluster hides the sender's (``externalTrafficPolicy: Cluster``).
    """

    protocol: Protocol
    port: int
    caller: str
    caller_port: int

    @classmethod
    def parse(cls, text: str) -> "Call":
        """Read a call from its text.

        Raises: UsageError saying what is wrong with it.
        """
        word, _, rest = text.partition(":")
        protocol = protocol_of(word, text)
        port, _, caller = rest.partition(":")
        here = Target.parse(f"{protocol}:0.0.0.0:{port}")
        there = Target.parse(f"{protocol}:{caller}")
        return cls(protocol, here.port, there.host, there.port)

    def __str__(self) -> str:
        host = f"[{self.caller}]" if ":" in self.caller else self.caller
        return f"{self.protocol}:{self.port}:{host}:{self.caller_port}"


def protocol_of(word: str, text: str) -> Protocol:
    """The protocol that ``word`` names. Raises: UsageError about ``text``."""
    for protocol in PROTOCOLS:
        if protocol == word:
            return protocol
    raise UsageError(f"{text!r} starts with none of {', '.join(PROTOCOLS)}")
