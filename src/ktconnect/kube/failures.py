"""What the API server said no to, as our errors. Pure: status and body in, error out."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ktconnect.errors import Conflict, Forbidden, KtError, Refused, Unreachable

PATCH_REJECTED = "the server rejected our request due to an error in our request"


class NotFound(Refused):
    """The object does not exist."""


class AlreadyExists(Conflict):
    """An object of that name is there already."""


class Unauthorized(Forbidden):
    """The API server does not know who we are: credentials missing, expired or not accepted."""


class Expired(Refused):
    """410 Gone: the resourceVersion asked for is no longer kept; list again."""


class PatchRejected(Refused):
    """A JSON Patch does not fit: a ``test`` does not hold, or a path is not there."""


class TooMany(Refused):
    """429: the server asks to come back after ``after`` seconds."""

    def __init__(self, message: str, after: float) -> None:
        super().__init__(message, hint="the API server is overloaded; try again")
        self.after = after


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request wanted, in the words of RBAC."""

    verb: str
    resource: str
    group: str = ""
    namespace: str = ""
    name: str = ""

    def __str__(self) -> str:
        plural = self.resource.partition("/")[0]
        what = f"{plural}/{self.name}" if self.name else plural
        return f"{what} in namespace {self.namespace}" if self.namespace else what

    @property
    def right(self) -> str:
        """The right that it takes: ``list pods in namespace demo``."""
        resource = f"{self.resource}.{self.group}" if self.group else self.resource
        where = f"in namespace {self.namespace}" if self.namespace else "in the whole cluster"
        return f"{self.verb} {resource} {where}"


def status_of(body: bytes) -> Mapping[str, Any]:
    """The ``Status`` object of an error's body; plain text becomes its message."""
    try:
        status = json.loads(body)
    except ValueError:
        status = None
    if isinstance(status, dict):
        return status
    return {"message": body[:500].decode(errors="replace").strip()}


def parsed(body: bytes | str) -> dict[str, Any]:
    """An object of the API server.

    Raises: Unreachable for what is none: cut off on its way, or of another program that answers.
    """
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise Unreachable(
            "what answers in the API server's place does not speak its language",
            hint="check the server's address in the kubeconfig, and proxies on the way to it",
        )
    return answer


@dataclass(frozen=True, slots=True)
class _No:
    """A refused request."""

    code: int
    status: Mapping[str, Any]
    asked: Asked
    retry_after: str

    @property
    def message(self) -> str:
        return str(self.status.get("message") or f"HTTP status {self.code}")


def failure(code: int, body: bytes, asked: Asked, *, retry_after: str = "") -> KtError:
    """The error that an HTTP status of 400 or more stands for."""
    answer = _No(code, status_of(body), asked, retry_after)
    if code >= 500:
        return Unreachable(
            f"the API server can't answer ({code}): {answer.message}",
            hint="it may be starting or overloaded; try again in a moment",
        )
    return _MEANINGS.get(code, _refused)(answer)


def _refused(no: _No) -> KtError:
    if no.message == PATCH_REJECTED:
        return PatchRejected(f"{no.asked}: a test or path of the patch does not hold")
    return Refused(f"{no.asked}: {no.message}", hint="the API server refuses it as it stands")


def _unauthorized(no: _No) -> KtError:
    return Unauthorized(
        "credentials expired or not accepted by the API server",
        hint="log in again with your cluster's tool, then check with `kubectl auth whoami`",
    )


def _conflict(no: _No) -> KtError:
    kind = AlreadyExists if no.status.get("reason") == "AlreadyExists" else Conflict
    return kind(f"{no.asked}: {no.message}", hint="look at what is there now, then try again")


def _forbidden(no: _No) -> KtError:
    """RBAC says "cannot"; quota, Pod Security and other admission share the code, not the word."""
    if not re.search(r"\bcannot \w+ ", no.message):
        hint = "a rule of the cluster or namespace forbids it"
        return Refused(f"{no.asked}: {no.message}", hint=hint)
    user = re.search(r'User "([^"]*)"', no.message)
    who = f" (user {user[1]})" if user else ""
    return Forbidden(
        f"no right to {no.asked.right}{who}",
        hint=f"ask the cluster's admin for a Role that allows: {no.asked.right}",
    )


def _missing(no: _No) -> KtError:
    """404 of an object, or of a kind that this server does not serve at all."""
    name = (no.status.get("details") or {}).get("name")
    if name:
        missing = "does not exist" if name == no.asked.name else no.message
        return NotFound(f"{no.asked}: {missing}")
    kind = ".".join(filter(None, (no.asked.resource, no.asked.group)))
    hint = "its version, or a component that defines it, may be missing"
    return NotFound(f"this cluster does not serve {kind}", hint=hint)


def _too_many(no: _No) -> KtError:
    return TooMany(no.message, float(no.retry_after) if no.retry_after.isdigit() else 1.0)


_MEANINGS: Mapping[int, Callable[[_No], KtError]] = {
    401: _unauthorized,
    403: _forbidden,
    404: _missing,
    409: _conflict,
    410: lambda no: Expired(no.message),
    429: _too_many,
}
