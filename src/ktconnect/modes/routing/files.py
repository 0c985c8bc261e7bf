"""A router's files in its ConfigMap: written as the plan wants them, and whether they are in force.

Envoy follows them by itself; the nodes, which bring them to its Pods, are told to look.
"""

from typing import Final

from ktconnect.errors import Refused
from ktconnect.objects.router import RENDERED, REVISION, config_map
from ktconnect.objects.session import Manifest
from ktconnect.rules.envoy import (
    RENDERING,
    in_force,
    origin_address_of,
    rejected,
    revision_of,
    router_files,
)
from ktconnect.rules.model import Share
from ktconnect.rules.plan import RoutePlan
from ktconnect.sessions.shared_names import shared_session

from .draining import Stats
from .driver import Seat
from .ensure import Ensured, owned_by
from .envoys import Envoys

CONFIG_MAP: Final = "v1/ConfigMap"


class Files:
    """One session's hand in them. Every method raises what `Cluster` raises."""

    def __init__(self, seat: Seat, name: str, ensured: Ensured, envoys: Envoys) -> None:
        """``name``: of the ConfigMap."""
        self._seat = seat
        self._name = name
        self._ensured = ensured
        self._envoys = envoys
        self._plan: RoutePlan | None = None
        self._files: dict[str, str] = {}
        self._hurries = 0
        self.refused: tuple[str, ...] = ()
        """Which kinds of them the Pod that was asked last has ever refused."""
        self.fresh = False
        """Whether they have just changed, so that `hurry` may be of use."""

    async def found(self) -> Manifest | None:
        """The ConfigMap as it is now."""
        return await self._seat.cluster.find(CONFIG_MAP, self._name, self._seat.namespace)

    def is_known(self, found: Manifest | None) -> bool:
        """Whether it says what was written, or looked at, last."""
        return self._plan is not None and _note(found, REVISION) == revision_of(self._files)

    def are_in_force(self, stats: Stats) -> bool | None:
        """Whether a Pod that tells these statistics works by what is known of them; None if
        nothing is."""
        if self._plan is None:
            return None
        self.refused = rejected(stats)
        return in_force(stats, self._plan, revision_of(self._files))

    async def hurry(self) -> None:
        """Have the nodes look again: one that looked before it had heard of the new files took the
        old ones, and would come back to them only within a minute or two."""
        self._hurries += 1
        if self._plan is not None:
            word = f"{revision_of(self._files)}.{self._hurries}"
            await self._envoys.refresh(await self._envoys.pods(), word)

    def origin_address(self, found: Manifest | None) -> str:
        """The origin's, as the others' files have it: their agents go there."""
        return origin_address_of((found or {}).get("data") or {}) if self._is_ours(found) else ""

    def is_newer(self, found: Manifest | None, own: Share | None) -> bool:
        """Whether a newer ktctl renders them: two that do it in turn would have the router start
        anew for ever. Raises: Refused for who wants to be put in."""
        said = _note(found, RENDERED)
        if not self._is_ours(found) or not said.isdecimal() or int(said) <= RENDERING:
            return False
        if own is not None:
            raise Refused(
                f"the router of {self._seat.where} is kept by a newer ktctl, whose rules this "
                "one can't write",
                hint="update ktctl",
            )
        return True

    async def write(
        self, plan: RoutePlan, found: Manifest | None, pods: list[Manifest]
    ) -> list[str]:
        """Have them as the plan wants them, and tell the nodes of the router's Pods that they have
        changed. ``found``: what they were before the shares were listed."""
        owner, files = self._seat.shared.owner, router_files(plan)
        told = revision_of(files)
        self._plan, self._files = plan, files
        session = shared_session(self._seat.service, self._seat.namespace)
        manifest = config_map(session, self._name, files, [owner])
        manifest["metadata"]["annotations"] |= {REVISION: told, RENDERED: str(RENDERING)}
        _, changed = await self._ensured.there(manifest, owner, found, tries=1)
        self.fresh = changed
        if changed:
            await self._envoys.refresh(pods, told)
        return [f"ConfigMap {self._name}"] if changed and found is None else []

    def _is_ours(self, found: Manifest | None) -> bool:
        return found is not None and owned_by(found, self._seat.shared.owner)


def _note(found: Manifest | None, name: str) -> str:
    notes = found["metadata"].get("annotations") or {} if found else {}
    return str(notes.get(name, ""))
