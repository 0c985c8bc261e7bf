"""How sessions of KT Connect 0.3 are undone when their laptop is dead. Pure: decides, does nothing.

Its own clean-up deletes shadows and routers first and restores after, if at all, so that Services
stay without endpoints. Here what was changed is put back first, and what served callers is deleted
only when that has worked.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ktconnect.apply.rehearsal import Step
from ktconnect.objects.session import Manifest

from .legacy_seen import (
    CONFIG_MAP,
    DEPLOYMENT,
    EXCHANGE,
    LOCK,
    LOCK_LASTS,
    MESH,
    POD,
    RECTIFIER,
    SELECTOR,
    SERVICE,
    Seen,
    config_of,
    heart_beat,
    is_theirs,
    kept_selector,
    leads_to_them,
    locked_since,
    name_of,
    notes_of,
    role_of,
)


@dataclass(frozen=True, slots=True)
class Gone:
    """An object to be deleted, and only this one."""

    kind: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Repair:
    """One thing that is put right: ``steps`` first, and only if all went well, ``deletes``."""

    what: str
    steps: tuple[Step, ...] = ()
    deletes: tuple[Gone, ...] = ()


@dataclass(frozen=True, slots=True)
class Findings:
    """``repairs`` are to be done in this order; ``notes`` say what is left alone, and why."""

    repairs: tuple[Repair, ...] = ()
    notes: tuple[str, ...] = ()


def decide(seen: Seen, only: str = "") -> Findings:
    """What is to be done in a namespace, or for one Service or workload of it."""
    repairs: list[Repair] = []
    notes: list[str] = []
    for service in seen.of(SERVICE):
        if not only or name_of(service) == only:
            found = list(_of_service(seen, service))
            repairs += [each for each in found if isinstance(each, Repair)]
            notes += [each for each in found if isinstance(each, str)]
    repairs += [each for each in _scaled(seen) if only in ("", each.what)]
    known = {gone for each in repairs for gone in each.deletes}
    of_it = (each for each in _left_over(seen, known) if each.what.startswith(f"{only}-kt-"))
    repairs += of_it if only else _left_over(seen, known)
    return Findings(tuple(repairs), tuple(notes))


def _of_service(seen: Seen, service: Manifest) -> Iterator[Repair | str]:
    name, lock = name_of(service), locked_since(service)
    if _is_locked(seen, service):
        yield f"Service {name} is being changed by a KT Connect: left alone"
    elif SELECTOR in notes_of(service):
        yield _redirected(seen, service)
    elif leads_to_them(service) and not is_theirs(service):
        yield from _without_note(seen, service)
    elif (stale := _stuntman(seen, name)) and not list(_users(seen, name)):
        yield Repair(name, deletes=(_gone(SERVICE, stale),))
    if lock is not None and SELECTOR not in notes_of(service) and not _is_locked(seen, service):
        yield Repair(name, (_drop_note(seen, service, LOCK),))


def _is_locked(seen: Seen, service: Manifest) -> bool:
    lock = locked_since(service)
    return lock is not None and not seen.force and seen.now - lock <= LOCK_LASTS


def _redirected(seen: Seen, service: Manifest) -> Repair | str:
    """Its callers are led to an exchange's shadow or to a router."""
    name, before = name_of(service), kept_selector(service)
    if living := _living(seen, name):
        return f"Service {name} is taken with KT Connect by {', '.join(living)}, who is alive"
    if not seen.shows_users:
        return f"Service {name} is taken with KT Connect; who lives is not known without list pods"
    if before is None:
        return f"Service {name}: its annotation {SELECTOR} can't be read, look at it by hand"
    steps = [_drop_note(seen, service, SELECTOR)]
    if LOCK in notes_of(service):
        steps.append(_drop_note(seen, service, LOCK))
    if leads_to_them(service):  # else somebody has applied the Service anew meanwhile
        steps.insert(0, _select(seen, service, before))
    return Repair(name, tuple(steps), tuple(_unused(seen, name)))


def _without_note(seen: Seen, service: Manifest) -> Iterator[Repair | str]:
    """Led to KT Connect, and not written from where: a router's stuntman still knows it."""
    name = name_of(service)
    stuntman = _stuntman(seen, name)
    before = stuntman["spec"].get("selector") if stuntman else None
    if living := _living(seen, name):
        yield f"Service {name} is taken with KT Connect by {', '.join(living)}, who is alive"
    elif not seen.shows_users:
        yield f"Service {name} is taken with KT Connect; who lives is not known without list pods"
    elif before:
        yield Repair(name, (_select(seen, service, before),), tuple(_unused(seen, name)))
    else:
        yield (
            f"Service {name} leads to a shadow of KT Connect, and its own selector is kept "
            "nowhere: apply its manifest anew"
        )


def _living(seen: Seen, service: str) -> list[str]:
    """Who takes it and is alive, or may be; whoever keeps its router beating is."""
    users = [each for _, each in _users(seen, service) if not seen.is_silent(each)]
    routers = [
        each
        for _, each in seen.shadows()
        if name_of(each) == f"{service}-kt-router" and heart_beat(each) and not seen.is_silent(each)
    ]
    return sorted({_user(each) for each in (*users, *routers)})


def _users(seen: Seen, service: str) -> Iterator[tuple[str, Manifest]]:
    """The shadows that serve a Service's callers, exchanged or meshed."""
    for kind, each in seen.shadows():
        exchanged = role_of(each) == EXCHANGE and config_of(each).get("service") == service
        meshed = role_of(each) == MESH and name_of(each).startswith(f"{service}-kt-mesh-")
        if exchanged or meshed:
            yield kind, each


def _unused(seen: Seen, service: str) -> Iterator[Gone]:
    """What nobody needs once the Service has its own Pods again."""
    for kind, each in _users(seen, service):
        yield _gone(kind, each)
    users = {name_of(each) for _, each in _users(seen, service)}
    of_it = users | {f"{service}-kt-router", f"{service}-kt-stuntman"}
    for kind, each in seen.shadows():
        if name_of(each) == f"{service}-kt-router":
            yield _gone(kind, each)
    for kind in (SERVICE, CONFIG_MAP):
        for each in seen.made(kind):
            if name_of(each) in of_it:
                yield _gone(kind, each)


def _stuntman(seen: Seen, service: str) -> Manifest | None:
    found = (each for each in seen.made(SERVICE) if name_of(each) == f"{service}-kt-stuntman")
    return next(found, None)


def _scaled(seen: Seen) -> Iterator[Repair]:
    """Deployments that an exchange has scaled to 0; one that somebody scaled since is left."""
    replicas = {name_of(each): each["spec"].get("replicas") for each in seen.of(DEPLOYMENT)}
    for kind, shadow in seen.shadows():
        config = config_of(shadow)
        app, wanted = config.get("app", ""), config.get("replicas", "")
        if role_of(shadow) != EXCHANGE or not app or not seen.is_silent(shadow):
            continue
        steps: tuple[Step, ...] = ()
        if replicas.get(app) == 0 and wanted.isdecimal() and int(wanted):
            key = f"{DEPLOYMENT}/{seen.namespace}/{app}/scale#/spec/replicas"
            steps = (Step(key, 0, int(wanted)),)
        yield Repair(app, steps, (_gone(kind, shadow), *_maps(seen, shadow)))


def _maps(seen: Seen, shadow: Manifest) -> Iterator[Gone]:
    for each in seen.made(CONFIG_MAP):
        if name_of(each) == name_of(shadow):
            yield _gone(CONFIG_MAP, each)


def _left_over(seen: Seen, known: set[Gone]) -> Iterator[Repair]:
    """What is silent and serves nobody: shadows of connect and preview, and helpers of a moment."""
    kept = {name for name in map(name_of, seen.of(SERVICE)) if _is_needed(seen, name, known)}
    for kind in (SERVICE, POD, DEPLOYMENT, CONFIG_MAP):
        for each in seen.made(kind):
            gone = _gone(kind, each)
            silent = seen.is_silent(each) or _is_rectifier(seen, each)
            if silent and gone not in known and not _belongs(name_of(each), kept):
                yield Repair(name_of(each), deletes=(gone,))


def _is_needed(seen: Seen, service: str, known: set[Gone]) -> bool:
    """Whether callers of this Service still come to something of KT Connect that must stay."""
    found = next(each for each in seen.of(SERVICE) if name_of(each) == service)
    repaired = any(gone.name.startswith(f"{service}-kt-") for gone in known)
    return leads_to_them(found) and not is_theirs(found) and not repaired


def _belongs(name: str, services: Iterable[str]) -> bool:
    return any(name.startswith(f"{service}-kt-") for service in services)


def _is_rectifier(seen: Seen, each: Manifest) -> bool:
    """A Pod that tells the time for a moment, and has no heart beat."""
    created = str(each["metadata"].get("creationTimestamp", ""))
    old = bool(created) and created < (seen.now - max(seen.silence, LOCK_LASTS)).strftime(
        "%Y-%m-%dT%H:%M:%SZ"
    )
    return name_of(each).startswith(RECTIFIER) and old


def _select(seen: Seen, service: Manifest, selector: dict[str, str]) -> Step:
    key = f"{SERVICE}/{seen.namespace}/{name_of(service)}#/spec/selector"
    return Step(key, service["spec"].get("selector"), selector)


def _drop_note(seen: Seen, service: Manifest, note: str) -> Step:
    key = f"{SERVICE}/{seen.namespace}/{name_of(service)}#/metadata/annotations/{note}"
    return Step(key, notes_of(service)[note], None)


def _gone(kind: str, each: Manifest) -> Gone:
    return Gone(kind, name_of(each), str(each["metadata"].get("uid", "")))


def _user(each: Manifest) -> str:
    return notes_of(each).get("kt-user") or "unknown"
