"""Credentials from a program: exec plugins (``client.authentication.k8s.io``, v1 and v1beta1)."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ktconnect.errors import KtError, UsageError

from .config import KubeConfig, Plugin
from .failures import Unauthorized

QUIET_LIMIT = 60.0  # seconds for a plugin that can't ask the user anything
TALKING_LIMIT = 600.0  # seconds for one that may open a browser or ask for a code


@dataclass(frozen=True, slots=True)
class Credential:
    """What a plugin handed out; ``expires`` in seconds since the epoch, 0 for never."""

    token: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    expires: float = 0.0


async def run(plugin: Plugin, config: KubeConfig) -> Credential:
    """Run the plugin once. Stderr goes to the user where the plugin may talk to them.

    Raises: UsageError when it can't be started, Unauthorized when it gives no credential.
    """
    interactive = _may_talk(plugin)
    environ = {**os.environ, **dict(plugin.env), "KUBERNETES_EXEC_INFO": info(plugin, config)}
    try:
        async with asyncio.timeout(TALKING_LIMIT if interactive else QUIET_LIMIT):
            code, output, complaint = await _run(plugin, environ, interactive)
    except TimeoutError:
        raise _failed(plugin, "gave no answer in time") from None
    except OSError as error:
        raise UsageError(
            f"exec plugin {plugin.command!r} of user {config.user!r} can't be started: "
            f"{error.strerror}",
            hint=plugin.install_hint or "install it, or correct its path in the kubeconfig",
        ) from None
    if code != 0:
        raise _failed(plugin, f"ended with {code}: {complaint[-1000:].strip()}".strip(": "))
    return parse(plugin, output)


def _may_talk(plugin: Plugin) -> bool:
    at_terminal = sys.stdin is not None and sys.stdin.isatty()
    if plugin.interactive == "Always" and not at_terminal:
        raise UsageError(
            f"exec plugin {plugin.command!r} has to ask you something, but there is no terminal",
            hint="run the command in a terminal",
        )
    return at_terminal and plugin.interactive != "Never"


async def _run(
    plugin: Plugin, environ: dict[str, str], interactive: bool
) -> tuple[int, bytes, str]:
    process = await asyncio.create_subprocess_exec(
        plugin.command,
        *plugin.args,
        env=environ,
        stdin=None if interactive else DEVNULL,
        stdout=PIPE,
        stderr=None if interactive else PIPE,
    )
    try:
        output, complaint = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, output, (complaint or b"").decode(errors="replace")


def info(plugin: Plugin, config: KubeConfig) -> str:
    """The JSON of ``KUBERNETES_EXEC_INFO``."""
    spec: dict[str, Any] = {"interactive": _may_talk(plugin)}
    if plugin.provide_cluster_info:
        spec["cluster"] = _cluster_info(config)
    return json.dumps({"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": spec})


def _cluster_info(config: KubeConfig) -> dict[str, Any]:
    fields = {
        "server": config.server,
        "tls-server-name": config.tls_server_name,
        "insecure-skip-tls-verify": config.insecure,
        "certificate-authority-data": b64encode(config.authority.encode()).decode(),
        "proxy-url": config.proxy_url,
    }
    return {name: value for name, value in fields.items() if value}


def parse(plugin: Plugin, output: bytes) -> Credential:
    """The credential in a plugin's output.

    Raises: Unauthorized when there is none.
    """
    try:
        answer = json.loads(output)
        status = answer["status"]
        version = answer["apiVersion"]
        credential = Credential(
            token=status.get("token") or "",
            certificate=status.get("clientCertificateData") or "",
            key=status.get("clientKeyData") or "",
            expires=_epoch(status.get("expirationTimestamp")),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _failed(plugin, "did not print an ExecCredential with a status") from None
    if version != plugin.api_version:
        raise _failed(plugin, f"answered with {version}, but {plugin.api_version} is configured")
    if not credential.token and not (credential.certificate and credential.key):
        raise _failed(plugin, "gave neither a token nor a certificate with its key")
    return credential


def _epoch(timestamp: str | None) -> float:
    return datetime.fromisoformat(timestamp).timestamp() if timestamp else 0.0


def _failed(plugin: Plugin, why: str) -> KtError:
    return Unauthorized(
        f"exec plugin {plugin.command!r} {why}",
        hint=plugin.install_hint or "run it by hand to see what it wants; you may have to log in",
    )
