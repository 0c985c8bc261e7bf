import re
from io import StringIO

from rich.console import Console
from rich.text import Text

from ktconnect.cli.live import LiveLines

LONG = "● up · 0.6 ms · 3 streams · ↓ 1.2 MB ↑ 3.0 kB · 0 reconnections"
ERASE_AND_UP = "\x1b[2K\x1b[1A"


def terminal(width):
    out = StringIO()
    return Console(file=out, force_terminal=True, width=width, color_system=None), out


def rows(out):
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", out.getvalue()).replace("\r", "\n").split("\n")


def test_a_narrow_terminal_gets_one_row_for_each_line():
    console, out = terminal(40)
    lines = LiveLines(console)
    lines.show([Text(LONG), Text("● down")])
    shown = [row for row in rows(out) if row]
    assert shown == [LONG[:39] + "…", "● down"]
    lines.close()


def test_a_terminal_that_became_narrower_keeps_no_rest_of_the_line():
    console, out = terminal(80)
    lines = LiveLines(console)
    lines.show([Text(LONG)])
    assert ERASE_AND_UP not in out.getvalue()
    console.width = 30
    lines.show([Text(LONG)])
    assert out.getvalue().count(ERASE_AND_UP) == 2  # 64 columns in rows of 30
    console.width = 20
    lines.close()
    assert out.getvalue().count(ERASE_AND_UP) == 3


def test_a_terminal_that_became_wider_is_left_as_it_is():
    console, out = terminal(30)
    lines = LiveLines(console)
    lines.show([Text(LONG)])
    console.width = 100
    lines.show([Text(LONG)])
    assert ERASE_AND_UP not in out.getvalue()
    assert LONG in out.getvalue()
    lines.close()


def test_closing_without_lines_does_nothing():
    console, out = terminal(80)
    LiveLines(console).close()
    assert out.getvalue() == ""
