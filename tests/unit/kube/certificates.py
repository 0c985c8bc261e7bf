"""Certificates for a test's TLS server, made by the openssl command."""

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Pair:
    certificate: str
    key: str


def self_signed(folder: Path, *names: str) -> Pair:
    """A certificate that is its own authority, for names such as ``IP:127.0.0.1, DNS:api.test``."""
    key, certificate = folder / "key.pem", folder / "cert.pem"
    alternatives = f"subjectAltName={','.join(names)}"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=test", "-addext", alternatives,
         "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return Pair(certificate.read_text(), key.read_text())


def server_context(folder: Path, *, wants_client: bool = False) -> ssl.SSLContext:
    """TLS for a server with the pair in ``folder``, which may insist on a client certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    if wants_client:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(folder / "cert.pem")
    return context
