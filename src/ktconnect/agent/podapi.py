"""The API server as a Pod's ServiceAccount asks it, with the standard library alone.

Kubernetes, "Accessing the Kubernetes API from a Pod": address in the environment, token and CA
mounted. The token is read for each request, as the kubelet renews it.
"""

import json
import os
import ssl
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any, Final

from ktconnect.errors import Conflict, Unreachable
from ktconnect.kube.asking import Place, at
from ktconnect.kube.failures import NotFound, PatchRejected, failure, parsed
from ktconnect.kube.paths import Kind, Manifest

ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
LIMIT: Final = 10.0
"""Seconds for an answer."""


class PodApi:
    """The verbs that the guard needs. Its methods block; that they are coroutines fits them to
    `kube.fields` and `apply`, and they never wait for a loop.

    Every method raises: Unreachable, Forbidden, NotFound, Conflict, Refused.
    """

    def __init__(
        self, server: tuple[str, int], account: Path = ACCOUNT, tls: ssl.SSLContext | None = None
    ) -> None:
        self._server = server
        self._account = account
        self._tls = tls
        self.now = 0.0
        """The server's clock at its last answer, seconds since the epoch; 0 if it never said."""

    async def find(
        self, kind: Kind, name: str, namespace: str = "", *, subresource: str = ""
    ) -> Manifest | None:
        """One object, None when it does not exist."""
        try:
            return self._send("GET", at("get", kind, namespace, name, subresource))
        except NotFound:
            return None

    async def patch(
        self,
        kind: Kind,
        name: str,
        patch: list[dict[str, Any]],
        namespace: str = "",
        *,
        subresource: str = "",
    ) -> Manifest:
        """Change fields by a JSON Patch. Raises: Conflict when a ``test`` does not hold."""
        place = at("patch", kind, namespace, name, subresource)
        try:
            return self._send("PATCH", place, patch, "application/json-patch+json")
        except PatchRejected as rejected:
            raise Conflict(str(rejected)) from None

    async def delete(self, kind: Kind, name: str, namespace: str, uid: str) -> None:
        """Delete the object with this UID and, in the background, what it owns."""
        options = {"propagationPolicy": "Background", "preconditions": {"uid": uid}}
        try:
            self._send("DELETE", at("delete", kind, namespace, name), options)
        except NotFound:
            return

    def _send(
        self, method: str, place: Place, content: object = None, form: str = "application/json"
    ) -> Manifest:
        path, asked = place
        body = None if content is None else json.dumps(content)
        connection = self._connection()
        try:
            connection.request(method, path, body, self._headers(form))
            response = connection.getresponse()
            answer = response.read()
        except (OSError, HTTPException) as error:
            why = str(error) or type(error).__name__
            raise Unreachable(f"the API server can't be reached: {why}") from None
        finally:
            connection.close()
        self.now = _date(response) or self.now
        if response.status >= 400:
            raise failure(response.status, answer, asked)
        return parsed(answer)

    def _headers(self, form: str) -> Mapping[str, str]:
        token = (self._account / "token").read_text().strip()
        return {
            "Authorization": f"Bearer {token}",
            "Accept": "application/json",
            "Content-Type": form,
        }

    def _connection(self) -> HTTPConnection:
        host, port = self._server
        if self._tls is None:
            return HTTPConnection(host, port, timeout=LIMIT)
        return HTTPSConnection(host, port, timeout=LIMIT, context=self._tls)


def pod_api(environment: Mapping[str, str] = os.environ, account: Path = ACCOUNT) -> PodApi:
    """The API server of the cluster that this Pod runs in.

    Raises: Unreachable in a Pod that has no ServiceAccount's token.
    """
    try:
        (account / "token").stat()
        tls = ssl.create_default_context(cafile=str(account / "ca.crt"))
        host = environment["KUBERNETES_SERVICE_HOST"]
        port = int(environment["KUBERNETES_SERVICE_PORT"])
    except (OSError, KeyError, ValueError):
        raise Unreachable("this Pod has no ServiceAccount to ask the API server with") from None
    return PodApi((host, port), account, tls)


def _date(response: HTTPResponse) -> float:
    try:
        return parsedate_to_datetime(response.headers["Date"]).timestamp()
    except (TypeError, ValueError):
        return 0.0
