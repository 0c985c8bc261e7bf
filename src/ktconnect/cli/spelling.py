"""Spellings of KT Connect's earlier versions, turned into today's before click sees them.

Scripts written for the originals run unchanged: renamed flags are renamed back, flags whose
reason is gone are accepted and explained, and Go's ``--flag=true`` is understood.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

Note = Callable[[str], None]

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
MODES = {"switch": "selector"}
COMMANDS = {"provide": "preview"}


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


def _one(arg: str, rest: Iterator[str], switches: frozenset[str], note: Note) -> list[str]:
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
    if flag in MEANT:
        taken = value if equals or flag not in WITH_VALUE else next(rest, "")
        return MEANT[flag](taken, note)
    if equals and flag in switches:
        return [name] if is_true(value) else []
    return [arg]


def _method(method: str, note: Note) -> list[str]:
    """``--method``; what it never was is refused as a mode."""
    return METHODS[method] if method in METHODS else _mode(method, note)


def _mode(mode: str, note: Note) -> list[str]:
    """``--mode``, by today's name."""
    today = MODES.get(mode.lower(), mode)
    if today != mode:
        note(f"--mode {mode} is called {today} today")
    return ["--mode", today]


def _no_dns(value: str, _: Note) -> list[str]:
    return ["--dnsMode", "none"] if is_true(value) else []


def _hosts(namespaces: str, _: Note) -> list[str]:
    return ["--dnsMode", f"hosts:{namespaces}" if namespaces else "hosts"]


MEANT: Mapping[str, Callable[[str, Note], list[str]]] = {
    "--method": _method,
    "--mode": _mode,
    "--disabledns": _no_dns,
    "--dump2hosts": _hosts,
    "--dump2hostsns": _hosts,
}
WITH_VALUE = ("--method", "--mode", "--dump2hostsns")
"""Those that take the next argument where they have no ``=``."""


def is_true(value: str) -> bool:
    """Whether Go's flag package takes it for true; a switch without a value is."""
    return value.lower() in ("", "true", "1", "t")
