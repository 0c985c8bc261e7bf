"""The text of hosts(5) with our block, in the form KT Connect gave it. Pure."""

from ktconnect.errors import HostError

BEGIN = "# Kt Hosts Begin"
END = "# Kt Hosts End"
NO_NEWLINE = "# (no line break before this block)"


def with_block(text: str, block: list[str]) -> str:
    """Put the block where it is already, else at the end: the user's own lines win.

    Raises: HostError if there is half a block.
    """
    lines = text.split("\n")
    place = _place(lines)
    if place:
        lines[place[0] + 1 : place[1]] = _head(lines, place) + block
        return "\n".join(lines)
    head = [NO_NEWLINE] if text and not text.endswith("\n") else []
    start = text + "\n" if head else text
    return start + "\n".join([BEGIN, *head, *block, END, ""])


def without_block(text: str) -> str:
    """Take the block out. Raises: HostError if there is half a block."""
    lines = text.split("\n")
    place = _place(lines)
    if place is None:
        return text
    if _head(lines, place) and place[1] + 2 == len(lines):
        return "\n".join(lines[: place[0]])
    return "\n".join(lines[: place[0]] + lines[place[1] + 1 :])


def block_of(text: str) -> list[str] | None:
    """The lines of the block, None if there is none. Raises: HostError if there is half one."""
    lines = text.split("\n")
    place = _place(lines)
    return lines[place[0] + 1 + len(_head(lines, place)) : place[1]] if place else None


def _head(lines: list[str], place: tuple[int, int]) -> list[str]:
    return [NO_NEWLINE] if lines[place[0] + 1] == NO_NEWLINE else []


def _place(lines: list[str]) -> tuple[int, int] | None:
    """Where the block begins and ends."""
    marks = [(n, line) for n, line in enumerate(lines) if line in (BEGIN, END)]
    if not marks:
        return None
    if [line for _, line in marks] != [BEGIN, END]:
        raise HostError(
            f"/etc/hosts holds a block that is not whole: {BEGIN!r} and {END!r} don't pair up",
            hint="take these lines out of /etc/hosts by hand, then try again",
        )
    return marks[0][0], marks[1][0]
