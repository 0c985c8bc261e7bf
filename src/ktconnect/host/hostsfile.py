"""The text of hosts(5) with our blocks, of the form that KT Connect gave its one. Pure.

Block and marks carry the session, so that several sessions stand in the file beside each other and
each takes out its own, in any order.
"""

from ktconnect.errors import HostError

BEGIN = "# Kt Hosts Begin"
END = "# Kt Hosts End"
NO_NEWLINE = "# (no line break before this block)"


def with_block(text: str, session: str, block: list[str]) -> str:
    """Put the block where it is already, else at the end: the user's own lines win.

    Raises: HostError if there is half a block.
    """
    lines = text.split("\n")
    place = _place(lines, session)
    if place:
        lines[place[0] + 1 : place[1]] = _head(lines, place[0]) + block
        return "\n".join(lines)
    head = [NO_NEWLINE] if text and not text.endswith("\n") else []
    start = text + "\n" if head else text
    return start + "\n".join([f"{BEGIN} {session}", *head, *block, f"{END} {session}", ""])


def without_block(text: str, session: str) -> str:
    """Take the block out. Raises: HostError if there is half a block."""
    lines = text.split("\n")
    place = _place(lines, session)
    if place is None:
        return text
    before, head, after = lines[: place[0]], _head(lines, place[0]), lines[place[1] + 1 :]
    if head and after == [""]:
        return "\n".join(before)
    if head and after[0].startswith(BEGIN):  # the next one stands where ours stood
        after[1:1] = head
    return "\n".join(before + after)


def block_of(text: str, session: str) -> list[str] | None:
    """The lines of the block, None if there is none. Raises: HostError if there is half one."""
    lines = text.split("\n")
    place = _place(lines, session)
    return lines[place[0] + 1 + len(_head(lines, place[0])) : place[1]] if place else None


def _head(lines: list[str], begin: int) -> list[str]:
    return [NO_NEWLINE] if lines[begin + 1] == NO_NEWLINE else []


def _place(lines: list[str], session: str) -> tuple[int, int] | None:
    """Where the block begins and ends."""
    begin, end = f"{BEGIN} {session}", f"{END} {session}"
    marks = [(n, line) for n, line in enumerate(lines) if line in (begin, end)]
    if not marks:
        return None
    if [line for _, line in marks] != [begin, end]:
        raise HostError(
            f"/etc/hosts holds a block that is not whole: {begin!r} and {end!r} don't pair up",
            hint="take these lines out of /etc/hosts by hand, then try again",
        )
    return marks[0][0], marks[1][0]
