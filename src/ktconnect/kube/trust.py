"""The TLS side of a cluster: whom we trust, and our own certificate."""

import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from ktconnect.errors import UsageError

from .config import KubeConfig


def tls_context(config: KubeConfig, certificate: tuple[str, str]) -> ssl.SSLContext | None:
    """A TLS context for the server of ``config``; None when its URL is plain http.

    Raises: UsageError when the authority, certificate or key of the kubeconfig is unusable.
    """
    if not config.server.startswith("https:"):
        return None
    context = _trusting(config)
    context.set_alpn_protocols(["http/1.1"])
    if certificate[0]:
        _load(context, certificate)
    return context


def fits(certificate: tuple[str, str]) -> bool:
    """Whether certificate and key are sound, and belong together."""
    try:
        _load(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), certificate)
    except UsageError:
        return False
    return True


def _trusting(config: KubeConfig) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=config.authority or None)
    except (ssl.SSLError, ValueError):
        raise UsageError(
            f"certificate-authority of context {config.context!r} holds no usable certificate",
            hint="fetch the kubeconfig anew",
        ) from None
    # Many clusters' own authorities lack the extensions that Python >= 3.13 began to insist on.
    context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
    if config.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _load(context: ssl.SSLContext, certificate: tuple[str, str]) -> None:
    try:
        with _as_file(certificate[0]) as cert, _as_file(certificate[1]) as key:
            context.load_cert_chain(cert, key)
    except (ssl.SSLError, OSError):
        raise UsageError(
            "the client certificate and key of the kubeconfig don't fit together or are damaged",
            hint="fetch the kubeconfig anew, or log in again",
        ) from None


@contextmanager
def _as_file(pem: str) -> Iterator[str]:
    """The text as a file for OpenSSL, which takes nothing else; in memory where the OS can."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("pem")
        with os.fdopen(descriptor, "w") as file:
            file.write(pem)
            file.flush()
            yield f"/proc/self/fd/{descriptor}"
        return
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as named:
        named.write(pem)
        named.flush()
        yield named.name
