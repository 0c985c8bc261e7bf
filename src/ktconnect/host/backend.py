"""The laptop's files as an apply.Backend.

Only these two need a journal: the TUN, its addresses, routes and per-link resolver settings go
with the file descriptor, the nftables table with its owner, whatever happens to us.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ktconnect.apply.change import Json
from ktconnect.errors import Conflict

from . import hostsfile, resolvconf
from .textfile import check_writable, read_text, replace_text, trim

_HOSTS = "file/etc/hosts#"
_RESOLV_CONF = "file/etc/resolv.conf#"


def resolv_conf_key(session: str) -> str:
    """The key of a session's lines in /etc/resolv.conf."""
    return _RESOLV_CONF + session


def hosts_key(session: str) -> str:
    """The key of a session's lines in /etc/hosts."""
    return _HOSTS + session


@dataclass(frozen=True, slots=True)
class _Editor:
    """A file and how a block of ours is read from, and put into, its text."""

    path: Path
    read: Callable[[str | None], list[str] | None]
    edit: Callable[[str | None, list[str] | None], str | None]


class HostBackend:
    """Blocks of lines in /etc/resolv.conf and /etc/hosts; all other text in them is kept."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._etc = root / "etc"

    def resolv_conf(self) -> str | None:
        """The whole text of /etc/resolv.conf, None if there is none."""
        return read_text(self._etc / "resolv.conf")

    def trim(self) -> None:
        """Finish writes that were cut short by a kill."""
        for name in ("resolv.conf", "hosts"):
            trim(self._etc / name)

    def check(self, key: str) -> None:
        """See whether the file of ``key`` can be changed. Raises: HostError."""
        check_writable(self._editor(key).path)

    async def read(self, key: str) -> Json | None:
        editor = self._editor(key)
        return editor.read(read_text(editor.path))

    async def write(self, key: str, value: Json | None, *, expected: Json | None) -> None:
        editor = self._editor(key)
        text = read_text(editor.path)
        if editor.read(text) != expected:
            raise Conflict(
                f"{editor.path} was changed by someone else",
                hint="try again, or choose another --dnsMode",
            )
        replace_text(editor.path, editor.edit(text, value), expected=text)

    def _editor(self, key: str) -> _Editor:
        if key.startswith(_HOSTS):
            session = key.removeprefix(_HOSTS)
            read = partial(_read_hosts, session)
            return _Editor(self._etc / "hosts", read, partial(_edit_hosts, session))
        session = key.removeprefix(_RESOLV_CONF)
        read = partial(resolvconf.ours, session=session)
        return _Editor(self._etc / "resolv.conf", read, partial(_edit_resolv_conf, session))


def _edit_resolv_conf(session: str, text: str | None, block: list[str] | None) -> str | None:
    if block is None:
        return resolvconf.without_ours(text, session)
    return resolvconf.with_ours(text, session, block)


def _read_hosts(session: str, text: str | None) -> list[str] | None:
    return hostsfile.block_of(text or "", session)


def _edit_hosts(session: str, text: str | None, block: list[str] | None) -> str | None:
    if block is None:
        return hostsfile.without_block(text or "", session)
    return hostsfile.with_block(text or "", session, block)
