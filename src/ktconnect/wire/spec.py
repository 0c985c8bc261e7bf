"""What an agent is told to do, to and from its command line. No control protocol besides."""

from dataclasses import dataclass
from typing import Final

from ktconnect.errors import UsageError
from ktconnect.names import AGENT_PORT

DIGEST_LENGTH: Final = 64


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """An agent's orders.

    ``token_sha256``: SHA-256 of the session's token, in hex: the Pod's arguments can be read by
    many, so they don't hold the token itself.
    """

    token_sha256: str
    port: int = AGENT_PORT

    def to_argv(self) -> list[str]:
        """The arguments that make an agent do this."""
        return ["--port", str(self.port), "--token-sha256", self.token_sha256]

    @classmethod
    def from_argv(cls, argv: list[str]) -> "AgentSpec":
        """Read the orders back.

        Raises: UsageError naming the argument that is wrong or missing.
        """
        options = _pairs(argv)
        return cls(_digest(options.get("--token-sha256", "")), _port(options.get("--port")))


def _pairs(argv: list[str]) -> dict[str, str]:
    known = ("--port", "--token-sha256")
    for name in argv[::2]:
        if name not in known:
            raise UsageError(f"unknown argument {name!r}", hint=f"known are {', '.join(known)}")
    if len(argv) % 2:
        raise UsageError(f"{argv[-1]} needs a value")
    return dict(zip(argv[::2], argv[1::2], strict=True))


def _digest(text: str) -> str:
    if len(text) != DIGEST_LENGTH or not set(text) <= set("0123456789abcdef"):
        raise UsageError("--token-sha256 must be 64 lower-case hex digits")
    return text


def _port(text: str | None) -> int:
    if text is None:
        return AGENT_PORT
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 65536):
        raise UsageError(f"--port {text} is not between 1 and 65535")
    return int(text)
