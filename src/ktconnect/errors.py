"""Every error ktconnect raises on purpose.

KtError                 the CLI prints these without a traceback, and ends with ``exit_code``
  UsageError            what the user asked for can't be meant; nothing was touched
  Unreachable           the API server, or the way to it, does not answer
  Forbidden             a right is missing; names verb and resource
  Refused               the cluster said no for a reason of its own (quota, admission, scheduling …)
  Conflict              someone else changed, or holds, what we were about to change
  HostError             the laptop's own network can't be changed as planned
  ProtocolError         the peer broke the wire protocol
  TunnelClosed          the way to the agent is gone
"""

from typing import ClassVar


class KtError(Exception):
    """Base of all expected failures; ``hint`` tells the user what to do now."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(KtError):
    """The request itself is wrong: a name, a port, a range, flags that exclude each other."""

    exit_code = 2


class Unreachable(KtError):
    """The API server, or something on the way to it, does not answer."""

    exit_code = 3


class Forbidden(KtError):
    """The user lacks a right; the message names the verb and the resource."""

    exit_code = 4


class Refused(KtError):
    """The cluster turned something of ours down: image, quota, admission, scheduling."""

    exit_code = 5


class Conflict(KtError):
    """The object changed under our feet, or belongs to someone else."""

    exit_code = 6


class HostError(KtError):
    """The laptop's network can't be changed as planned."""

    exit_code = 7


class ProtocolError(KtError):
    """The peer sent something the protocol forbids."""

    exit_code = 8


class TunnelClosed(KtError):
    """The way to the agent is gone."""

    exit_code = 8
