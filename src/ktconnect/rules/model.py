"""Who takes which requests of a Service: what every driver of routing rules is given.

The cluster holds it all: each session that takes a share of a Service's requests has a Service of
its own, which leads to its agent and carries what it takes in an annotation. Whoever lists those
Services computes the same plan, so nobody keeps a count that a crash could leave wrong.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Manifest = Mapping[str, Any]

ANNOTATION: Final = "kt-route"
"""On a session's Service: its share, as JSON."""

Part = Literal["header", "cookie", "path", "query", "method", "grpc", "sni"]
How = Literal["exact", "prefix", "regex"]
Kind = Literal["mesh", "mirror", "exchange"]


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that a request must have.

    ``name``: of the header, the cookie or the query's parameter; "" for the other parts. Names of
    headers are lower-case. ``value``: for ``grpc`` it is ``package.Service/Method``; a regular
    expression is one of RE2 and must match the whole.
    """

    part: Part
    name: str
    how: How
    value: str


@dataclass(frozen=True, slots=True)
class Match:
    """Conditions that must all hold; without any, every request matches."""

    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Share:
    """What one session takes of a Service's requests; an exchange takes all, and is alone.

    ``service`` and ``address``: the session's own Service and its cluster IP. ``matches``: any of
    them is enough. ``ports``: those of the shared Service (their numbers) that are meant.
    ``percent``: of the matching requests, for a mirror. ``since``: when the Service was made, by
    the server. ``leaving``: it is still there, but gets no new requests. ``uid``: of that Service.
    """

    kind: Kind
    service: str
    address: str
    mark: str
    user: str
    since: str
    matches: tuple[Match, ...]
    ports: tuple[int, ...]
    percent: float = 100.0
    leaving: bool = False
    uid: str = field(default="", compare=False)

    @property
    def signature(self) -> str:
        """By what callers hear who answered them; "" for an exchange: they hear nothing."""
        return "" if self.kind == "exchange" else self.mark


def share_note(share: Share) -> str:
    """What the annotation says. The Service itself tells name, address and time."""
    return json.dumps(
        {
            "kind": share.kind,
            "mark": share.mark,
            "user": share.user,
            "matches": [[_row(one) for one in match.conditions] for match in share.matches],
            "ports": list(share.ports),
            "percent": share.percent,
            "leaving": share.leaving,
        },
        separators=(",", ":"),
    )


def share_of(service: Manifest) -> Share | None:
    """The share that a Service's annotation tells of; None where there is none that can be read.

    What another version, or anybody else, wrote there is no reason to fail: the others' shares
    still hold.
    """
    metadata = service["metadata"]
    note = (metadata.get("annotations") or {}).get(ANNOTATION)
    if not note or metadata.get("deletionTimestamp"):
        return None
    try:
        said = json.loads(note)
        return Share(
            kind=_one_of(said["kind"], ("mesh", "mirror", "exchange")),
            service=str(metadata["name"]),
            address=str(service["spec"].get("clusterIP") or ""),
            mark=str(said["mark"]),
            user=str(said["user"]),
            since=str(metadata.get("creationTimestamp") or ""),
            matches=tuple(
                Match(tuple(_condition(row) for row in match)) for match in said["matches"]
            ),
            ports=tuple(int(port) for port in said["ports"]),
            percent=float(said.get("percent", 100)),
            leaving=bool(said.get("leaving", False)),
            uid=str(metadata.get("uid") or ""),
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


def shares_of(services: Iterable[Manifest]) -> tuple[Share, ...]:
    """All that can be read, the oldest first; of the same age, by name."""
    found = (share for service in services if (share := share_of(service)) is not None)
    return tuple(sorted(found, key=lambda share: (share.since, share.service)))


def _row(one: Condition) -> list[str]:
    return [one.part, one.name, one.how, one.value]


def _condition(row: list[str]) -> Condition:
    part, name, how, value = map(str, row)
    parts = ("header", "cookie", "path", "query", "method", "grpc", "sni")
    return Condition(_one_of(part, parts), name, _one_of(how, ("exact", "prefix", "regex")), value)


def _one_of(word: Any, known: tuple[Any, ...]) -> Any:
    if word not in known:
        raise ValueError(f"{word!r} is none of {', '.join(known)}")
    return word
