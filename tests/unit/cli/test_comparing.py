from rich.text import Text

from ktconnect.cli.comparing import block_of, totals_line
from ktconnect.modes.report import Compared, Totals
from ktconnect.traffic.compare import Difference


def plain(lines):
    return [Text.from_markup(line).plain for line in lines]


def compared(*differences, answered=True, laptop="200 OK"):
    return Compared("shop/web", "u-1", "GET /[a]", "200 OK", laptop, answered, 0.1, differences)


def test_alike_answers_are_one_line():
    assert plain(block_of(compared())) == ["· GET /[a] · 200 OK"]


def test_each_difference_has_both_sides():
    found = compared(Difference("body", "$.n[0]", "1", "2"), Difference("status", "", "200", "500"))
    assert plain(block_of(found)) == [
        "≠ GET /[a]",
        "    body $.n[0]",
        "      - 1",
        "      + 2",
        "    status",
        "      - 200",
        "      + 500",
    ]


def test_no_answer_says_why():
    found = compared(answered=False, laptop="connection refused")
    assert plain(block_of(found)) == ["✗ GET /[a] · connection refused"]


def test_the_sum_tells_what_could_not_be_compared():
    assert totals_line(Totals("s", 1200, 2, 0)) == "1,200 compared, 2 differ"
    assert totals_line(Totals("s", 3, 0, 1, 2)) == (
        "3 compared, 0 differ, 1 not answered here, 2 with one answer only"
    )


def test_what_was_but_sent_is_not_said_to_be_compared():
    assert totals_line(Totals("a.har", 1, 0, 0, diff=False)) == "1 sent, 1 answered"
    assert totals_line(Totals("a.har", 3, 0, 2, diff=False)) == "3 sent, 1 answered"
