"""The headers and the client certificate that a request carries, kept fresh."""

import asyncio
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable

from ktconnect.errors import UsageError

from . import plugin
from .certfiles import CertificateFiles
from .config import KubeConfig, Plugin
from .plugin import Credential

RunPlugin = Callable[[Plugin, KubeConfig], Awaitable[Credential]]
EARLY = 10.0  # seconds before its end that a credential counts as expired
FILE_AGE = 60.0  # seconds after which a token file is read again, as the kubelet rotates it


class Credentials:
    """Who we are, for each request anew: files are re-read and plugins re-run when it is time."""

    def __init__(
        self,
        config: KubeConfig,
        *,
        run: RunPlugin = plugin.run,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._config = config
        self._run = run
        self._now = now
        self._lock = asyncio.Lock()
        self._held: Credential | None = None
        self._until = 0.0
        login = config.login
        self._files = (
            CertificateFiles(login.certificate_files, (login.certificate, login.key))
            if login.certificate_files
            else None
        )

    async def headers(self) -> list[tuple[str, str]]:
        """Authorization and impersonation headers; a group each has a header of its own.

        Raises: UsageError, Unauthorized when a file or plugin gives no credential.
        """
        login = self._config.login
        value = await self._authorization()
        headers = [("Authorization", value)] if value else []
        if login.impersonate:
            headers.append(("Impersonate-User", login.impersonate))
        return headers + [("Impersonate-Group", group) for group in login.impersonate_groups]

    async def certificate(self) -> tuple[str, str]:
        """Client certificate and key as PEM; two empty texts when none is used."""
        login = self._config.login
        if self._files is not None:
            return self._files.current()
        if login.certificate:
            return login.certificate, login.key
        held = await self._fresh() if login.plugin else Credential()
        return held.certificate, held.key

    def forget(self) -> bool:
        """Drop what was cached, after the server did not accept it; False: nothing was."""
        had, self._held = self._held is not None, None
        return had

    async def _authorization(self) -> str:
        login = self._config.login
        if login.username:
            pair = f"{login.username}:{login.password}".encode()
            return f"Basic {b64encode(pair).decode()}"
        token = login.token
        if login.token_file or (login.plugin and not token):
            token = (await self._fresh()).token
        return f"Bearer {token}" if token else ""

    async def _fresh(self) -> Credential:
        async with self._lock:
            if self._held is None or self._now() >= self._until:
                self._held = await self._fetch()
            return self._held

    async def _fetch(self) -> Credential:
        login = self._config.login
        if login.token_file:
            self._until = self._now() + FILE_AGE
            return Credential(token=self._read_token())
        assert login.plugin
        held = await self._run(login.plugin, self._config)
        self._until = held.expires - EARLY if held.expires else float("inf")
        return held

    def _read_token(self) -> str:
        path = self._config.login.token_file
        assert path
        try:
            return path.read_text().strip()
        except OSError as error:
            raise UsageError(
                f"token file {path} of user {self._config.user!r} can't be read: {error.strerror}",
                hint="check tokenFile in the kubeconfig",
            ) from None
