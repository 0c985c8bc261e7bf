"""What the user asked of sessions that callers come to, as frozen values."""

import re
from dataclasses import dataclass, field
from typing import Literal

from ktconnect.errors import UsageError
from ktconnect.modes.spec import ClusterSpec
from ktconnect.objects.ports import Expose

RESTORE_AFTER = 60.0
RECOVER_WAIT = 120.0

# RFC 1035 label; Kubernetes, "Service", "Defining a Service".
SERVICE_NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class ServingSpec:
    """What goes for every session that callers come to.

    ``log``: each call is told. ``restore_after``: seconds without this machine after which anybody
    may undo the session. ``takeover``: whoever has the target is asked to go. ``dry_run``: all
    is told, and nothing done.
    """

    cluster: ClusterSpec = field(default_factory=ClusterSpec)
    log: bool = False
    proxy_protocol: bool = False
    restore_after: float = RESTORE_AFTER
    takeover: bool = False
    skip_port_checking: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class ExchangeSpec:
    """One ``ktctl exchange``; ``targets`` as the user wrote them.

    ``recover_wait``: seconds that a workload gets to be back, where ``mode`` scales it.
    """

    targets: tuple[str, ...]
    exposes: tuple[Expose, ...] = ()
    serving: ServingSpec = field(default_factory=ServingSpec)
    mode: Literal["selector", "scale"] = "selector"
    recover_wait: float = RECOVER_WAIT


@dataclass(frozen=True, slots=True)
class PreviewSpec:
    """One ``ktctl preview``. Raises: UsageError for a name that no Service can have."""

    name: str
    exposes: tuple[Expose, ...]
    serving: ServingSpec = field(default_factory=ServingSpec)
    external: bool = False

    def __post_init__(self) -> None:
        if SERVICE_NAME.fullmatch(self.name) is None:
            raise UsageError(
                f"{self.name!r} can't be the name of a Service",
                hint="it begins with a lower-case letter; then letters, digits and '-', 63 at most",
            )
        if not self.exposes:
            raise UsageError(
                "--expose: a new Service needs a port", hint="for example --expose 8080:80"
            )
