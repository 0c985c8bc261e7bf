"""Rules of a session among the user's own: put in, written down before, taken out again.

A VirtualService of the user stays the user's: ours are items of its list, found by their names, so
that whatever the user writes meanwhile is what is there in the end.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ktconnect.apply.change import Entry
from ktconnect.errors import Conflict, UsageError
from ktconnect.kube.paths import VIRTUAL_SERVICE
from ktconnect.objects.session import Manifest, record_of
from ktconnect.rules.istio import Rules, merged
from ktconnect.rules.istio_hosts import is_seen_in
from ktconnect.rules.model import Share

from .driver import Seat

HTTP: Final = "/spec/http"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be among the rules of the VirtualService ``into`` (None: nowhere).

    ``rules``: those of all sessions, in order; ``own``: the names of this session's.
    """

    into: Manifest | None
    rules: Sequence[Manifest] = ()
    own: Sequence[str] = ()

    @property
    def entries(self) -> list[Entry]:
        """What a journal says of it."""
        if self.into is None:
            return []
        metadata = self.into["metadata"]
        whole = f"{VIRTUAL_SERVICE}/{metadata['namespace']}/{metadata['name']}"
        return [
            Entry("kube", f"{whole}#{HTTP}[name={rule['name']}]", None, rule)
            for rule in self.rules
            if rule["name"] in self.own
        ]


Put = Callable[[Iterable[Manifest], Wish], Awaitable[bool]]


class Theirs:
    """One session's rules in VirtualServices of its namespace. Raises: what `Cluster` raises."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat

    async def put(self, found: Iterable[Manifest], wish: Wish) -> bool:
        """Have the session's rules where they are wanted, and nowhere else; whether something had
        to be changed.

        ``found``: the users' VirtualServices as they were a moment ago. The session's are those
        that it has written down, too: a port of the Service may be gone that they are named after.
        Raises: Conflict if that is not so any more: look again.
        """
        entries, noted = wish.entries, self._noted()
        wish = replace(wish, own=(*wish.own, *map(_rule_name, noted)))
        if entries and entries != noted:
            changed = await self.put_alone(found, Wish(None, own=wish.own))
            await self._note(entries)
            if changed:
                raise Conflict("the rules were just taken out, to be put in anew")
        return await self.put_alone(found, wish)

    async def put_alone(self, found: Iterable[Manifest], wish: Wish) -> bool:
        """As `put`, and nothing is written down."""
        changed = False
        for each in found:
            now = each["spec"].get("http") or []
            goal = merged(now, wish.rules if each is wish.into else (), wish.own)
            if goal != now:
                await self._write(each, goal)
                changed = True
        return changed

    async def _write(self, theirs: Manifest, http: list[Manifest]) -> None:
        metadata = theirs["metadata"]
        version = {"op": "test", "path": "/metadata/resourceVersion"}
        patch = [
            {**version, "value": metadata["resourceVersion"]},
            {"op": "add", "path": HTTP, "value": http},
        ]
        await self._seat.cluster.patch(
            VIRTUAL_SERVICE, metadata["name"], patch, metadata["namespace"]
        )

    def _noted(self) -> list[Entry]:
        return [each for each in self._journal() if _is_rule(each)]

    def _journal(self) -> tuple[Entry, ...]:
        return record_of(self._seat.lease.stored).journal or ()

    async def _note(self, entries: Iterable[Entry]) -> None:
        others = [each for each in self._journal() if not _is_rule(each)]
        await self._seat.lease.write_journal([*others, *entries])


def _is_rule(entry: Entry) -> bool:
    return entry.key.startswith(f"{VIRTUAL_SERVICE}/")


def _rule_name(entry: Entry) -> str:
    return entry.key.rpartition("[name=")[2].removesuffix("]")


def named(theirs: Manifest) -> str:
    """As people are told of it."""
    metadata = theirs["metadata"]
    return f"VirtualService {metadata['namespace']}/{metadata['name']}"


def check_room(theirs: Manifest, share: Share, seat: Seat) -> None:
    """Raises: UsageError where a rule of ours can't be put among the user's."""
    decides = f"{named(theirs)} decides for callers of {seat.where}"
    router = "" if share.kind == "exchange" else "`--mode router` needs no rule of Istio"
    if theirs["metadata"]["namespace"] != seat.namespace:
        raise UsageError(
            f"{decides}, and is in another namespace, where a session changes nothing",
            hint=router or "take the subsets out of its routes, and the Service itself is led here",
        )
    if not theirs["spec"].get("http"):
        raise UsageError(
            f"{decides} and has no rules for HTTP: beside one of ours, requests that do not match "
            "it would go nowhere",
            hint="give it a rule for HTTP that leads to the Service"
            + (router and f"; or {router}"),
        )
    if share.kind == "mirror":
        raise UsageError(
            f"{decides}: to copy requests, its own rules would have to be changed",
            hint="`mirror --mode router` changes no rule of Istio",
        )


def notes(theirs: Manifest | None, rules: Rules, gateways: Sequence[str]) -> list[str]:
    """What is worth knowing before a rule is put in, in sentences."""
    found = []
    if theirs is not None:
        found.append(
            f"{named(theirs)} decides for {rules.service}: our rules stand in front of its"
        )
        if not is_seen_in(theirs, "*"):
            found.append(
                f"{named(theirs)} is exported to some namespaces only (exportTo): callers of "
                "others are not told apart"
            )
    if gateways:
        found.append(
            f"callers that come by gateway {', '.join(gateways)} are led by rules of its own, "
            "and are not told apart"
        )
    return found
