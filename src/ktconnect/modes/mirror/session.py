"""A session of `mirror`: as one of `mesh`, proven without a request that the origin would see."""

from dataclasses import replace

from ktconnect.modes.mesh.session import MeshSession
from ktconnect.modes.report import Ready, Reporter
from ktconnect.modes.serving.line import Line


class MirrorSession(MeshSession):
    """One Service whose requests are copied to this machine."""

    def ready(self, began: float) -> Ready:
        """See `InboundSession`: what stands for a mark in its objects' names marks no request."""
        found = super().ready(began)
        return replace(found, facts={k: v for k, v in found.facts.items() if k != "mark"})

    async def _prove(self, line: Line, reporter: Reporter) -> str:
        """See `InboundSession`: by a connection to where copies are sent."""
        return await self._connected(line, reporter)
