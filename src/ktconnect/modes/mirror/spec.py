"""What the user asked of a mirror, as frozen values."""

from dataclasses import dataclass, field
from typing import Literal

from ktconnect.errors import UsageError
from ktconnect.modes.serving.spec import ServingSpec
from ktconnect.objects.ports import Expose
from ktconnect.objects.router import RouterPod
from ktconnect.rules.model import Match

Mode = Literal["auto", "router", "istio", "gateway", "tcp"]


@dataclass(frozen=True, slots=True)
class Keeping:
    """What becomes of copies and their answers, besides that the program here gets them.

    ``diff``: both answers are compared, but for the headers ``ignored`` (lower-case);
    ``everything``: those that are alike are told, too. ``record``: the HAR file to write, or "";
    ``secrets``: with credentials and cookies.
    """

    diff: bool = False
    everything: bool = False
    ignored: frozenset[str] = field(default_factory=frozenset)
    record: str = ""
    secrets: bool = False

    @property
    def reads(self) -> bool:
        """Whether the copies are to be looked at at all."""
        return self.diff or bool(self.record)


@dataclass(frozen=True, slots=True)
class MirrorSpec:
    """One ``ktctl mirror``; ``target`` as the user wrote it. ``percent``: of what matches.

    Raises: UsageError for what excludes each other.
    """

    target: str
    exposes: tuple[Expose, ...] = ()
    matches: tuple[Match, ...] = ()
    percent: float = 100.0
    serving: ServingSpec = field(default_factory=ServingSpec)
    mode: Mode = "auto"
    keeping: Keeping = field(default_factory=Keeping)
    router: RouterPod = field(default_factory=RouterPod)

    def __post_init__(self) -> None:
        if not 0 < self.percent <= 100:
            raise UsageError(f"--percent {self.percent:g} is not above 0 and at most 100")
        if self.keeping.secrets and not self.keeping.record:
            raise UsageError("--recordSecrets: nothing is recorded", hint="give --record FILE.har")
        if self.keeping.ignored and not self.keeping.diff:
            raise UsageError("--ignoreHeader: nothing is compared", hint="give --diff")
        if self.keeping.reads and self.serving.proxy_protocol:
            raise UsageError(
                "--proxyProtocol: what is compared or recorded is HTTP from its first byte on",
                hint="leave one of the two out",
            )
        if self.mode == "tcp":
            self._check_tcp()
        elif self.keeping.diff and self.mode in ("istio", "gateway"):
            raise UsageError(
                f"--diff: with --mode {self.mode} nobody shows us what the original answered",
                hint="--mode router does",
            )

    def _check_tcp(self) -> None:
        given = {
            "--match": bool(self.matches),
            "--percent": self.percent < 100,
            "--diff": self.keeping.diff,
            "--record": bool(self.keeping.record),
        }
        for flag, said in given.items():
            if said:
                raise UsageError(
                    f"{flag}: with --mode tcp bytes are copied, nobody knows of requests",
                    hint="HTTP is mirrored by --mode router",
                )
