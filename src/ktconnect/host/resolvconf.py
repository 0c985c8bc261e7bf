"""The text of resolv.conf(5), with and without us. Pure.

Our lines are a block at the top; lines that would overrule them are commented out with a mark.
So undoing is taking out what is marked, whatever else was written to the file meanwhile, and
the first bytes come back as they were. The old servers stay behind ours: should everything of
ours be killed at once, a query to our loopback address is refused at once and goes to them.

Block and marks carry the session: a second session stands above the first and asks it in turn.
"""

import re
from ipaddress import ip_address

from .laptop import Resolver

MARK = re.compile(r"^(#kt-[a-z0-9]+# )+")
_SEARCH = ("search", "domain")


def with_ours(text: str | None, session: str, ours: list[str]) -> str:
    """Put our lines on top, in the place of former ones; None stands for no file."""
    rest = without_ours(text, session)
    begin = _begin(session, new=rest is None)
    searches = any(_word(line) == "search" for line in ours)
    mark = f"#kt-{session}# "
    lines = (rest or "").split("\n")
    kept = [mark + line if searches and _word(line) in _SEARCH else line for line in lines]
    return "\n".join([begin, *ours, _end(session), *kept])


def without_ours(text: str | None, session: str) -> str | None:
    """The text as it would be without the session; None for no file."""
    if text is None:
        return None
    lines = text.split("\n")
    block = _block(lines, session)
    if block is not None:
        begin, end = block
        made_by_us = lines[begin] == _begin(session, new=True)
        del lines[begin : end + 1]
        if made_by_us and lines == [""]:
            return None
    return "\n".join(line.replace(f"#kt-{session}# ", "", 1) for line in lines)


def ours(text: str | None, session: str) -> list[str] | None:
    """The session's lines in the text, None if there are none."""
    lines = (text or "").split("\n")
    block = _block(lines, session)
    return [MARK.sub("", line) for line in lines[block[0] + 1 : block[1]]] if block else None


def our_lines(address: str, search: tuple[str, ...], before: Resolver) -> list[str]:
    """The lines for our DNS server; our search list goes in front of the old one."""
    names = dict.fromkeys((*search, *before.search))
    return [f"nameserver {address}", *([f"search {' '.join(names)}"] if search else [])]


def read_resolver(text: str | None, session: str) -> Resolver:
    """Who answers without the session: only what stands below its block, if it has one.

    A later session stands above and asks us, so asking it would go round in circles.
    """
    lines = (text or "").split("\n")
    block = _block(lines, session)
    servers: list[str] = []
    search: list[str] = []
    for marked in lines[block[1] + 1 if block else 0 :]:
        line = marked.replace(f"#kt-{session}# ", "", 1)
        words = line.split()
        if _word(line) == "nameserver" and _is_address(words[1:]):
            servers.append(words[1])
        elif _word(line) in _SEARCH:
            search = words[1:]  # the last one counts (resolv.conf(5))
    return Resolver("resolv.conf", tuple(servers), tuple(search))


def _begin(session: str, *, new: bool) -> str:
    what = "this file is" if new else "these lines are"
    return f"# Kt Begin {session}: {what} of `ktctl connect`, and taken away when it ends"


def _end(session: str) -> str:
    return f"# Kt End {session}"


def _is_address(words: list[str]) -> bool:
    """What is no address is skipped, as the C library does."""
    try:
        return bool(words) and bool(ip_address(words[0]))
    except ValueError:
        return False


def _word(line: str) -> str:
    return line.split(maxsplit=1)[0] if line.strip() else ""


def _block(lines: list[str], session: str) -> tuple[int, int] | None:
    begins = (_begin(session, new=False), _begin(session, new=True))
    found = [n for n, line in enumerate(lines) if line in begins]
    if not found or _end(session) not in lines[found[0] :]:
        return None
    return found[0], lines.index(_end(session), found[0])
