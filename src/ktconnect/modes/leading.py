"""Where a Service's selector leads, and what sessions make of it. Pure."""

from ktconnect.errors import UsageError
from ktconnect.kube.undoable import is_led
from ktconnect.modes.serving.way import WayLost
from ktconnect.objects.session import Manifest

Selector = dict[str, str]


def selector_of(service: Manifest) -> Selector:
    """Its selector. Raises: UsageError if it has none."""
    return dict(service["spec"].get("selector") or {})


def led_to(selector: Selector, agent: str) -> Selector:
    """The selector that finds the agent alone: the same keys, a value of its own.

    Raises: UsageError where there is nothing to lead away.
    """
    if not selector:
        raise UsageError("a Service without selector can't be led elsewhere by its selector")
    return dict.fromkeys(selector, agent)


def check_wanted(selector: Selector, before: Selector, where: str) -> None:
    """Make sure that a new selector may be what the Service's owner wants, in place of ``before``.

    Raises: WayLost if it leads to an agent or a router: another session has its callers, or an
    old one had; what is known of the owner's must not be replaced by that.
    """
    if is_led(selector):
        raise WayLost(
            f"callers of service {where} were led to {shown(selector)} by somebody else",
            hint=f"`ktctl recover {where.rpartition('/')[2]}` gives it back to its own Pods; "
            f"its own selector was {shown(before)}",
        )


def has(selector: Selector, ours: Selector) -> bool:
    """Whether anything of ours is in it."""
    return any(selector.get(key) == value for key, value in ours.items())


def without(selector: Selector, ours: Selector) -> Selector:
    """What someone else has in it."""
    return {key: value for key, value in selector.items() if ours.get(key) != value}


def target_ports(service: Manifest) -> frozenset[tuple[str, str]]:
    """Where its ports lead to, as its owner wrote it."""
    ports = service["spec"].get("ports") or ()
    return frozenset(
        (str(port.get("protocol") or "TCP"), str(port.get("targetPort") or port["port"]))
        for port in ports
    )


def shown(selector: Selector) -> str:
    """As kubectl writes it: ``app=web,tier=front``."""
    return ",".join(f"{key}={value}" for key, value in selector.items())


def who_set_selector(service: Manifest) -> str:
    """The field manager that wrote the selector last; "someone" where it isn't known."""
    fields = service["metadata"].get("managedFields") or ()
    managers = [
        (str(each.get("time", "")), str(each.get("manager", "")))
        for each in fields
        if "f:selector" in ((each.get("fieldsV1") or {}).get("f:spec") or {})
    ]
    _, manager = max(managers, default=("", ""))
    return manager or "someone"
