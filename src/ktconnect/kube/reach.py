"""Why the API server could not be reached, in words; from the errors of sockets, DNS and TLS."""

import asyncio
import socket
import ssl

from ktconnect.errors import Unreachable
from ktconnect.groups import first_cause

from .config import KubeConfig

HINT = "check that the cluster is up and that this machine can reach it (VPN, proxy, firewall)"


def unreachable(config: KubeConfig, error: BaseException, otherwise: str) -> Unreachable:
    """The error to show; ``otherwise`` says what happened if the cause is none of the known."""
    cause = root(error)
    where = f"the API server at {config.server}"
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Unreachable(
            f"{where} shows a certificate that is not trusted: {cause.verify_message}",
            hint="check certificate-authority and tls-server-name in the kubeconfig",
        )
    return Unreachable(f"{where} {_happened(cause) or _detailed(otherwise, cause)}", hint=HINT)


def root(error: BaseException) -> BaseException:
    """The first cause of a chain of errors; of a group, of its first member.

    A limit of time ends what it waits for by a cancellation, which is no cause.
    """
    while True:
        error = first_cause(error)
        inner = error.__cause__ or error.__context__
        if inner is None or isinstance(inner, asyncio.CancelledError):
            return error
        error = inner


def _happened(cause: BaseException) -> str:
    if isinstance(cause, ssl.SSLError):
        return f"broke off the TLS handshake: {getattr(cause, 'reason', '') or cause}"
    if isinstance(cause, socket.gaierror):
        return f"has a name that can't be resolved: {cause.strerror}"
    if isinstance(cause, ConnectionRefusedError):
        return "refuses connections"
    return ""


def _detailed(otherwise: str, cause: BaseException) -> str:
    detail = getattr(cause, "strerror", None) or str(cause)
    return f"{otherwise}: {detail}" if detail else otherwise
