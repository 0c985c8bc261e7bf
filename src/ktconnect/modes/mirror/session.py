"""A session of `mirror`: as one of `mesh`, proven without a request that the origin would see."""

from ktconnect.modes.mesh.session import MeshSession
from ktconnect.modes.report import Reporter
from ktconnect.modes.serving.line import Line


class MirrorSession(MeshSession):
    """One Service whose requests are copied to this machine."""

    async def _prove(self, line: Line, reporter: Reporter) -> str:
        """See `InboundSession`: by a connection to where copies are sent."""
        return await self._connected(line, reporter)
