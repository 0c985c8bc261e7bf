"""One session's HTTPRoutes, made as they should be beside those of others."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from ktconnect import names
from ktconnect.errors import Conflict, Forbidden, Refused, UsageError
from ktconnect.kube.failures import NotFound
from ktconnect.kube.paths import HTTP_ROUTE, VIRTUAL_SERVICE
from ktconnect.modes.targets import SERVICE
from ktconnect.objects.agent import object_metadata
from ktconnect.objects.session import Manifest
from ktconnect.rules.gateway import Port, attached, is_like, routes
from ktconnect.rules.gateway_match import route_match
from ktconnect.rules.istio import may_be_http
from ktconnect.rules.istio_hosts import governing
from ktconnect.rules.model import Share

from .driver import Seat
from .shares import Shares

GRPC_ROUTE: Final = "gateway.networking.k8s.io/v1/GRPCRoute"
TRIES: Final = 10
AGAIN: Final = 0.1


class Routes:
    """Owned by the session's Lease. Every method raises what `Cluster` raises."""

    def __init__(self, seat: Seat, *, regex: bool) -> None:
        self._seat = seat
        self._cluster = seat.cluster
        self._regex = regex
        self._shares = Shares(seat)
        self.is_served = True
        """Whether the session's agent was there, when the routes were looked at last."""

    async def check(self, share: Share) -> None:
        """Raises: UsageError where the share can't be said, or others' rules leave no room."""
        for match in share.matches:
            route_match(match, regex=self._regex)
        ports = await self._ports(share)
        if not ports:
            raise UsageError(
                f"no port of {self._seat.where} that is exposed carries HTTP, as far as its name "
                "or appProtocol says",
                hint="name it http-…, or `--mode router`",
            )
        await self._check_others(ports)

    async def settle(self, share: Share, *, sure: bool = False) -> bool:
        """Have the session's routes as they should be; whether anything had to be changed.

        None leads to an agent that is not there, unless it is ``sure`` to be: a mesh's proxy would
        answer 503.

        Raises: Refused if the cluster's Gateway API lacks what they say; Conflict.
        """
        for _ in range(TRIES):
            with suppress(Conflict, NotFound):
                return await self._settle(share, sure=sure)
            await asyncio.sleep(AGAIN)
        raise Conflict(f"the routes of {self._seat.where} keep changing", hint="try again")

    async def own(self) -> list[Manifest]:
        """The session's routes as they are now."""
        found = await self._cluster.list(HTTP_ROUTE, self._seat.namespace)
        return [each for each in found if self._is_own(each)]

    async def delete(self) -> bool:
        """Take them away; whether there were any."""
        found = await self.own()
        for each in found:
            await self._delete(each)
        return bool(found)

    async def _settle(self, share: Share, *, sure: bool) -> bool:
        self.is_served = sure or share.service in await self._shares.served()
        ports = await self._ports(share) if self.is_served else []
        found = await self._cluster.list(HTTP_ROUTE, self._seat.namespace)
        wanted = [route for port in ports for route in self._of(share, port, found)]
        now = {each["metadata"]["name"]: each for each in found if self._is_own(each)}
        changed = False
        for route in wanted:
            there = now.pop(route["metadata"]["name"], None)
            if there is None or not is_like(there, route):
                await self._put(route, there)
                changed = True
        for rest in now.values():
            await self._delete(rest)
        return changed or bool(now)

    def _of(self, share: Share, port: Port, found: Sequence[Manifest]) -> list[Manifest]:
        seat = self._seat
        users = [each for each in found if not _is_a_sessions(each)]
        theirs = attached(users, seat.service, seat.namespace, port.number)
        return routes(self._metadata, share, port, theirs, regex=self._regex)

    def _metadata(self, name: str) -> Manifest:
        lease = self._seat.lease
        return object_metadata(lease.session, name, [lease.owner], inbound=True)

    async def _put(self, route: Manifest, there: Manifest | None) -> None:
        if there is None:
            stored = await self._cluster.create(route)
        else:
            stored = await self._cluster.replace({**route, "metadata": there["metadata"]})
        if not is_like(stored, route):
            await self._delete(stored)
            raise Refused(
                "the Gateway API of this cluster is too old for what the route says: "
                "one port of several, or a share of the requests for a mirror",
                hint="`--mode router` can do it",
            )

    async def _ports(self, share: Share) -> list[Port]:
        seat = self._seat
        service = await self._cluster.get(SERVICE, seat.service, seat.namespace)
        http = [int(each["port"]) for each in service["spec"]["ports"] if may_be_http(each)]
        alone = len(http) == 1
        return [Port(seat.service, port, alone) for port in http if port in share.ports]

    async def _check_others(self, ports: Sequence[Port]) -> None:
        """Raises: UsageError for rules beside which ours would have no meaning."""
        seat = self._seat
        calls = await self._optional(GRPC_ROUTE)
        for port in ports:
            for route in attached(calls, seat.service, seat.namespace, port.number):
                raise UsageError(
                    f"GRPCRoute {route['metadata']['name']} is for port {port.number} of "
                    f"{seat.where}: a mesh takes routes of one kind only",
                    hint="`--mode router` stands behind it",
                )
        rule = governing(await self._optional(VIRTUAL_SERVICE), seat.service, seat.namespace)
        if rule is not None:
            raise UsageError(
                f"VirtualService {rule['metadata']['name']} decides for callers of {seat.where}: "
                "what becomes of HTTPRoutes beside it, Istio does not say",
                hint="`--mode istio` puts a rule into it",
            )

    async def _optional(self, kind: str) -> list[Manifest]:
        try:
            return await self._cluster.list(kind, self._seat.namespace)
        except (Forbidden, NotFound):
            return []

    def _is_own(self, route: Manifest) -> bool:
        uid = self._seat.lease.uid
        owners = route["metadata"].get("ownerReferences") or ()
        return any(each["uid"] == uid for each in owners)

    async def _delete(self, found: Manifest) -> None:
        metadata = found["metadata"]
        with suppress(Conflict):  # another one has its place by now
            await self._cluster.delete(
                HTTP_ROUTE, metadata["name"], metadata["namespace"], uid=metadata["uid"]
            )


def _is_a_sessions(route: Manifest) -> bool:
    return names.LABEL_SESSION in (route["metadata"].get("labels") or {})
