"""Spellings of KT Connect's earlier versions, turned into today's before click sees them.

Scripts written for the originals run unchanged: renamed flags are renamed back, flags whose
reason is gone are accepted and explained, and Go's ``--flag=true`` is understood.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

RENAMED = {
    "--label": "--withLabel",
    "--waittime": "--portForwardTimeout",
    "--cidr": "--includeIps",
    "--proxy": "--proxyPort",
    "--localdomain": "--includeDomains",
}
# name -> (takes a value, why it has no effect any more)
GONE = {
    "-e": (True, "kubectl is not used any more"),
    "--usekubectl": (False, "kubectl is not used any more"),
    "--asworker": (False, "it never had a meaning"),
    "--sshport": (True, "there is no SSH any more"),
    "--port": (True, "there is no SSH any more"),
    "--tunname": (True, "the device is named kt0, or the next free number"),
    "--tuncidr": (True, "the device needs no range of its own"),
    "--global": (False, "the names of all namespaces are known already"),
    "--jvmrc": (True, "with the TUN device a JVM needs no proxy settings"),
    "--setupglobalproxy": (False, "with the TUN device programs need no proxy settings"),
}
METHODS = {
    "socks": ["--disableTunDevice"],
    "socks5": ["--disableTunDevice"],
    "vpn": [],
    "tun": [],
}


@dataclass(frozen=True, slots=True)
class Modern:
    """Today's arguments, and what to tell the user about the old ones."""

    args: tuple[str, ...]
    notes: tuple[str, ...]


def modernise(args: Sequence[str], switches: frozenset[str]) -> Modern:
    """Today's spelling of ``args``; ``switches`` are the flags that take no value, normalised."""
    notes: list[str] = []
    modern: list[str] = []
    rest = iter(args)
    for arg in rest:
        if arg == "--":
            modern += [arg, *rest]
            break
        modern += _one(arg, rest, switches, notes.append)
    return Modern(tuple(modern), tuple(notes))


def normalise(name: str) -> str:
    """``--dnsMode``, ``--dns-mode`` and ``--dnsmode`` are one flag."""
    dashes, word = name[: len(name) - len(name.lstrip("-"))], name.lstrip("-")
    return name if len(word) < 2 else dashes + word.replace("-", "").replace("_", "").lower()


def _one(
    arg: str, rest: Iterator[str], switches: frozenset[str], note: Callable[[str], None]
) -> list[str]:
    if not arg.startswith("-"):
        return [arg]
    name, equals, value = arg.partition("=")
    flag = normalise(name)
    if flag in GONE:
        takes_value, why = GONE[flag]
        if takes_value and not equals:
            next(rest, None)
        note(f"{name} has no effect: {why}")
        return []
    if flag in RENAMED:
        note(f"{name} is spelled {RENAMED[flag]} today")
        return [RENAMED[flag] + equals + value]
    if flag == "--method":
        method = value if equals else next(rest, "")
        return METHODS.get(method, ["--mode", method])  # what it never was is refused there
    if flag == "--disabledns":
        return ["--dnsMode", "none"] if is_true(value) else []
    if flag in ("--dump2hosts", "--dump2hostsns"):
        namespaces = value or (next(rest, "") if flag.endswith("ns") else "")
        return ["--dnsMode", f"hosts:{namespaces}" if namespaces else "hosts"]
    if equals and flag in switches:
        return [name] if is_true(value) else []
    return [arg]


def is_true(value: str) -> bool:
    """Whether Go's flag package takes it for true; a switch without a value is."""
    return value.lower() in ("", "true", "1", "t")
