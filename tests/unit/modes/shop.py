"""A session in which only the cluster is a fake: agent, tunnel, callers and programs are real."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import ClassVar

from tests.unit.agent.calling import BRIEF, saying
from tests.unit.modes.inbound import AGENT, PLAN, SERVICE, WEB, in_shop, slice_of
from tests.unit.tunnel.ends import FACTS, connect, free_port

from ktconnect.agent.serve import Agent
from ktconnect.errors import TunnelClosed
from ktconnect.modes.exchange.origin import Origin
from ktconnect.modes.exchange.selector import SelectorWay
from ktconnect.modes.serving.programs import Programs
from ktconnect.modes.serving.session import InboundSession, serve
from ktconnect.modes.serving.spec import ServingSpec
from ktconnect.modes.shadow import Shadow
from ktconnect.sessions.lease import SessionLease

POD = {"metadata": {"name": f"{AGENT}-1"}, "spec": {"nodeName": "node1"}}


class LocalShadow(Shadow):
    """Runs its agent in this process, once it is made."""

    agent: Agent | None = None
    there = True
    running: ClassVar[list["LocalShadow"]] = []

    async def ready_pod(self):
        self.start()
        return POD

    def start(self):
        orders = replace(self._plan.spec, port=self._door())
        self.orders = orders
        loop = asyncio.get_running_loop()
        self.running.append(self)
        self.agent = Agent(loop, orders, FACTS, lambda line: None, patience=BRIEF)

    def _door(self):
        return free_port()

    async def open_pipe(self):
        if self.agent is None:
            raise TunnelClosed("no agent")
        return await connect(self.orders.port)

    async def revive(self, reason):
        await asyncio.sleep(0.01)

    async def is_there(self):
        return self.there

    async def delete(self):
        self.stop()
        await super().delete()

    def stop(self):
        if self.agent is not None:
            self.agent.close()
            self.agent = None


class LocalSession(InboundSession):
    make_shadow = LocalShadow

    @property
    def shadow(self) -> LocalShadow:
        assert self._line is not None
        assert isinstance(self._line.shadow, LocalShadow)
        return self._line.shadow


class Shop:
    """A cluster, the Service's Pods, and sessions for its callers."""

    def __init__(self, api, cluster, reporter, origin, monkeypatch):
        self.api, self.cluster, self.reporter = api, cluster, reporter
        where = f"{origin.host}:{origin.port}"
        monkeypatch.setattr(Origin, "address", lambda *_: where)
        api.put(slice_of("web-kt-origin", "127.0.0.1"))

    def session(self, target, spec=None, name="kt-exchange-web"):
        """A session that leads the Service's callers to ``target``, on a free port."""
        port = replace(WEB, pod_port=free_port(), target=target)
        announced = replace(PLAN.session, name=name)
        plan = replace(PLAN, ports=(port,), session=announced, programs=Programs())
        if name != PLAN.session.name:
            agent = replace(PLAN.agent, name=f"{AGENT}-{name}")
            plan = replace(plan, agent=agent)
        lease = SessionLease(self.cluster, plan.session, {"mode": "exchange"}, restore_after=4)
        way = SelectorWay(self.cluster, plan, lease, self.api.objects[SERVICE, "shop", "web"])
        return LocalSession(self.cluster, spec or ServingSpec(), plan, lease, way)

    @asynccontextmanager
    async def serving(self, *sessions):
        """They are ready, and run while the block does; yields the task."""
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(serve(sessions, self.reporter, 0.0))
            for _ in sessions:
                await self.reporter.next_ready.get()
            yield task
            task.cancel()


@asynccontextmanager
async def shop(monkeypatch):
    """It is open: its Pods answer ``origin:…``."""
    async with in_shop() as (api, cluster, reporter), saying(b"origin") as origin:
        try:
            yield Shop(api, cluster, reporter, origin, monkeypatch)
        finally:
            while LocalShadow.running:
                LocalShadow.running.pop().stop()
