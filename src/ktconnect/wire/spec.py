"""What an agent is told to do, to and from its command line. No control protocol besides."""

from dataclasses import dataclass
from typing import Final

from ktconnect.errors import UsageError
from ktconnect.names import AGENT_PORT

from .call import Protocol, protocol_of
from .target import Target

DIGEST_LENGTH: Final = 64

_KNOWN: Final = ("--port", "--token-sha256", "--listen", "--guard", "--ready")


@dataclass(frozen=True, slots=True)
class Listen:
    """A port of the Pod that callers come to.

    ``origin``: ``host:port`` (a numeric address, IPv6 in brackets) where callers go while no
    laptop takes them; empty: nowhere, they are reset. ``to_laptop`` False: callers always go to
    the origin, since this port of the Service was not asked for. ``copied``, of TCP with
    ``to_laptop`` False: a laptop gets a copy of what callers say, and nobody hears its answers.
    """

    protocol: Protocol
    port: int
    origin: str = ""
    to_laptop: bool = True
    copied: bool = False

    @property
    def target(self) -> Target | None:
        """The origin as a target; None if there is none."""
        return Target.parse(f"{self.protocol}:{self.origin}") if self.origin else None

    @classmethod
    def parse(cls, text: str) -> "Listen":
        """Read ``tcp:8080``, ``tcp:8080>10.96.3.4:80``, ``tcp:8080=10.96.3.4:80`` (never to the
        laptop) or ``tcp:8080+10.96.3.4:80`` (the same, and a copy to the laptop).

        Raises: UsageError saying what is wrong with it.
        """
        sign = next((char for char in text if char in ">=+"), "")
        here, _, origin = text.partition(sign) if sign else (text, "", "")
        word, _, port = here.partition(":")
        protocol = protocol_of(word, text)
        if origin:
            Target.parse(f"{protocol}:{origin}")
        elif sign in ("=", "+"):
            raise UsageError(f"{text!r} leads nowhere")
        if sign == "+" and protocol == "udp":
            raise UsageError(f"{text!r}: datagrams are not copied")
        return cls(protocol, _port("--listen", port), origin, sign not in ("=", "+"), sign == "+")

    def __str__(self) -> str:
        here = f"{self.protocol}:{self.port}"
        sign = "+" if self.copied else ">" if self.to_laptop else "="
        return f"{here}{sign}{self.origin}" if self.origin else here


@dataclass(frozen=True, slots=True)
class Guard:
    """The session that an agent undoes by itself.

    It undoes what the Lease ``lease`` in ``namespace`` has in its journal after ``restore_after``
    seconds without a laptop, if its ServiceAccount may. ``shared`` is a Lease that it has in common
    with others, "" if there is none: that one is undone first, unless others keep it alive.
    """

    namespace: str
    lease: str
    restore_after: float
    shared: str = ""

    @classmethod
    def parse(cls, text: str) -> "Guard":
        """Read ``namespace/lease/seconds`` or ``namespace/lease/seconds/shared``.

        Raises: UsageError saying what is wrong with it.
        """
        parts = text.split("/")
        if not (3 <= len(parts) <= 4 and all(parts)):
            raise UsageError(f"--guard {text} is not namespace/lease/seconds, nor that and /shared")
        return cls(parts[0], parts[1], _seconds(parts[2]), *parts[3:])

    def __str__(self) -> str:
        seconds = str(self.restore_after).removesuffix(".0")
        return f"{self.namespace}/{self.lease}/{seconds}" + (self.shared and f"/{self.shared}")


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """An agent's orders.

    ``token_sha256``: SHA-256 of the session's token, in hex: the Pod's arguments can be read by
    many, so they don't hold the token itself. ``port`` is where laptops come in, on the Pod's
    loopback; it must be none of those that callers come to by TCP. ``ready``: a port of the Pod
    that listens only while there is a laptop; 0 for none.
    """

    token_sha256: str
    port: int = AGENT_PORT
    listens: tuple[Listen, ...] = ()
    guard: Guard | None = None
    ready: int = 0

    def to_argv(self) -> list[str]:
        """The arguments that make an agent do this."""
        argv = ["--port", str(self.port), "--token-sha256", self.token_sha256]
        for listen in self.listens:
            argv += ["--listen", str(listen)]
        if self.ready:
            argv += ["--ready", str(self.ready)]
        return argv if self.guard is None else [*argv, "--guard", str(self.guard)]

    @classmethod
    def from_argv(cls, argv: list[str]) -> "AgentSpec":
        """Read the orders back.

        Raises: UsageError naming the argument that is wrong or missing.
        """
        pairs = _pairs(argv)
        options = dict(pairs)
        port = options.get("--port")
        guard, ready = options.get("--guard"), options.get("--ready")
        spec = cls(
            _digest(options.get("--token-sha256", "")),
            AGENT_PORT if port is None else _port("--port", port),
            tuple(Listen.parse(value) for name, value in pairs if name == "--listen"),
            None if guard is None else Guard.parse(guard),
            0 if ready is None else _port("--ready", ready),
        )
        _check_ports(spec)
        return spec


def _pairs(argv: list[str]) -> list[tuple[str, str]]:
    for name in argv[::2]:
        if name not in _KNOWN:
            raise UsageError(f"unknown argument {name!r}", hint=f"known are {', '.join(_KNOWN)}")
    if len(argv) % 2:
        raise UsageError(f"{argv[-1]} needs a value")
    return list(zip(argv[::2], argv[1::2], strict=True))


def _check_ports(spec: AgentSpec) -> None:
    taken = {("tcp", spec.port), ("tcp", spec.ready)}
    for listen in spec.listens:
        here = (listen.protocol, listen.port)
        if here in taken:
            raise UsageError(f"--listen {listen}: {listen.protocol} port {listen.port} twice")
        taken.add(here)


def _digest(text: str) -> str:
    if len(text) != DIGEST_LENGTH or not set(text) <= set("0123456789abcdef"):
        raise UsageError("--token-sha256 must be 64 lower-case hex digits")
    return text


def _port(option: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 5 and 0 < int(text) < 65536):
        raise UsageError(f"{option} {text} is not between 1 and 65535")
    return int(text)


def _seconds(text: str) -> float:
    if not text.replace(".", "", 1).isdecimal() or not text.isascii():
        raise UsageError(f"--guard: {text!r} is not a number of seconds")
    return float(text)
