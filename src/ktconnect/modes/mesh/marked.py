"""Proof by a marked request: from inside the cluster, as any caller sends it, to this machine."""

import asyncio
import logging
import secrets
from typing import Final

from ktconnect.errors import KtError
from ktconnect.modes.explain.sending import ask
from ktconnect.modes.serving.line import Line
from ktconnect.modes.serving.selftest import Unproven, milliseconds
from ktconnect.modes.serving.way import InboundPlan
from ktconnect.names import SERVED_BY
from ktconnect.objects.origin import address_of
from ktconnect.objects.ports import PortMap
from ktconnect.objects.session import Manifest
from ktconnect.rules.model import Match
from ktconnect.rules.plan import app_of
from ktconnect.rules.request import Request
from ktconnect.rules.sample import sample
from ktconnect.traffic.asking import BadAnswer
from ktconnect.traffic.exchange import Request as Sent
from ktconnect.traffic.exchange import header

from .between import Between

log = logging.getLogger(__name__)

WITHIN: Final = 8.0
"""Seconds until it is given up: nodes take their time to learn where a Service leads."""

ONE_TRY: Final = 2.0
AGAIN: Final = 0.15
PROBE: Final = "x-kt-probe"


class Marked:
    """One session's proof. Closes: what it left between callers and the program, on ``end``."""

    def __init__(
        self,
        plan: InboundPlan,
        matches: tuple[Match, ...],
        line: Line,
        *,
        called: str = "a marked request",
    ) -> None:
        """``matches``: what comes here; ``called``: what a person calls such a request."""
        self._plan = plan
        self._matches = matches
        self._line = line
        self._called = called
        self._between: list[Between] = []

    async def prove(self, service: Manifest | None) -> str:
        """Send it to the Service until it comes here; what was seen, for a person.

        Raises: Unproven if it did not come, or none can be sent.
        """
        port, address = self._way_in(service)
        request = sample(self._matches)
        if request is None:
            raise Unproven(
                "no request could be made up that is meant and changes nothing",
                hint="send one yourself: --log shows what comes",
            )
        word = secrets.token_hex(16)
        assert port.target is not None, "it is exposed"
        between = Between(self._line.answers, port.listen, port.target, word.encode())
        self._between.append(between)
        await between.open()
        try:
            return await self._until_seen(between, address, request, word)
        finally:
            between.close()

    async def end(self) -> None:
        """Idempotent."""
        for between in self._between:
            await between.end()

    def _way_in(self, service: Manifest | None) -> tuple[PortMap, str]:
        """Which port to test, and where callers find it. Raises: Unproven."""
        if service is None or service["spec"].get("clusterIP") in (None, "", "None"):
            raise Unproven(
                f"service {self._plan.where} has no address to send a request to",
                hint="send one yourself: --log shows what comes",
            )
        apps = {int(port["port"]): app_of(port) for port in service["spec"].get("ports") or ()}
        for port in self._plan.exposed:
            if apps.get(port.service_port) in ("http", "unknown"):
                return port, address_of(service, port.service_port)
        raise Unproven(
            f"no port of service {self._plan.where} that comes here is HTTP/1.1",
            hint="call it from a Pod: --log shows what comes",
        )

    async def _until_seen(self, between: Between, address: str, request: Request, word: str) -> str:
        loop = asyncio.get_running_loop()
        host = f"{self._plan.service}.{self._plan.namespace}"
        headers = (("Host", host), *request.headers, (PROBE, word), ("Connection", "close"))
        sent = Sent(request.method, request.target, headers)
        end, last = loop.time() + WITHIN, ""
        while loop.time() < end:
            began = loop.time()
            try:
                answer = await ask(self._line.tunnel, address, sent, ONE_TRY)
            except (OSError, BadAnswer, KtError) as error:
                last = str(error) or "no answer"
            else:
                by = header(answer.headers, SERVED_BY)
                last = f"{by or 'somebody'} answered, with status {answer.status}"
                if between.seen.is_set():
                    took = milliseconds(loop.time() - began)
                    said = f", {SERVED_BY}: {by}" if by else ""
                    return (
                        f"{self._called.capitalize()} to service {self._plan.where} was answered "
                        f"here in {took}{said}"
                    )
            await asyncio.sleep(AGAIN)
        raise Unproven(
            f"{self._called} to service {self._plan.where} did not come here: {last}",
            hint=f"`ktctl explain {self._plan.service} -n {self._plan.namespace}` tells why",
        )
