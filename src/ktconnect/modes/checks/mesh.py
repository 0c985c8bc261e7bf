"""What a service mesh's rules say of a Service's callers (Istio, "Destination Rule"). Pure."""

from collections.abc import Iterable

from ktconnect import names
from ktconnect.objects.session import Manifest

from .seen import Finding, Found, Seen


def check_subsets(seen: Seen) -> Found:
    """A sidecar that routes to a subset finds no agent in it, and answers 503."""
    rules = _rules(seen)
    if not _subsets(rules):
        return
    rule = rules[0]["metadata"]["name"]
    if used := used_subsets(seen):
        yield Finding(
            "refuse",
            f"a service mesh routes callers of {seen.name} to {', '.join(used)} "
            f"(DestinationRule {rule}); the agent would be in none of these subsets",
            "`ktctl mesh --mode istio` leads requests by a rule of the mesh; or take the routes to "
            "subsets away first",
        )
    else:
        yield Finding("note", f"DestinationRule {rule} has subsets, but no route leads to them")


def used_subsets(seen: Seen) -> tuple[str, ...]:
    """The subsets to which callers of the Service are led, or may be: by name, in order."""
    subsets = _subsets(_rules(seen))
    return tuple(sorted(subsets if seen.routes is None else subsets & _routed(seen)))


def _rules(seen: Seen) -> list[Manifest]:
    return [rule for rule in seen.rules or () if _is_for(rule["spec"].get("host", ""), seen)]


def _subsets(rules: Iterable[Manifest]) -> set[str]:
    return {subset["name"] for rule in rules for subset in rule["spec"].get("subsets") or ()}


def _is_for(host: str, seen: Seen) -> bool:
    """Whether an Istio host (short, full or with a leading ``*``) is this Service's."""
    below = f"{seen.name}.{seen.namespace}"
    if host.startswith("*"):
        return f"{below}.svc.{names.CLUSTER_DOMAIN}".endswith(host[1:])
    return host in (seen.name, below, f"{below}.svc") or host.startswith(f"{below}.svc.")


def _routed(seen: Seen) -> set[str]:
    """The subsets of this Service that some VirtualService leads to."""
    specs = [each["spec"] for each in seen.routes or ()]
    blocks = [
        block for spec in specs for kind in ("http", "tcp", "tls") for block in spec.get(kind, ())
    ]
    ways = [way["destination"] for block in blocks for way in block.get("route") or ()]
    return {way["subset"] for way in ways if way.get("subset") and _is_for(way["host"], seen)}
