from typing import TYPE_CHECKING

from ktconnect.agent.guard import AGAIN, ASK_AGAIN, Guard
from ktconnect.agent.restoring import Verdict
from ktconnect.errors import Conflict, Forbidden, Unreachable
from ktconnect.wire.spec import Guard as Orders

if TYPE_CHECKING:
    from collections.abc import Callable


class Scene:
    """A guard whose attempts are answered by the test, at once."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.log: list[str] = []
        self.waiting: list[Callable[[], None]] = []
        orders = Orders("demo", "kt-exchange-web", 60)
        self.guard = Guard(
            orders, self.log.append, now=0, attempt=self.attempt, worker=self.waiting.append
        )
        self.attempts = 0

    def attempt(self):
        self.attempts += 1
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def at(self, now):
        """What the loop does at this time; an attempt that begins ends before the next."""
        self.guard.tick(now)
        while self.waiting:
            self.waiting.pop()()
        return self.attempts


def with_laptop(*answers):
    scene = Scene(*answers)
    scene.guard.laptop_seen()
    return scene


def test_while_a_laptop_is_there_nothing_happens():
    scene = with_laptop()
    assert scene.at(1000) == 0


def test_after_a_while_without_a_laptop_the_session_is_undone_once():
    scene = with_laptop(Verdict.UNDONE)
    scene.guard.laptop_gone(100)
    assert scene.at(159) == 0
    assert scene.at(160) == 1
    assert scene.at(161) == 1
    assert scene.at(10_000) == 1
    assert scene.log == []


def test_a_laptop_that_comes_back_before_that_stops_it():
    scene = with_laptop()
    scene.guard.laptop_gone(100)
    scene.guard.laptop_seen()
    assert scene.at(1000) == 0
    scene.guard.laptop_gone(1000)
    scene.guard.laptop_gone(1050)  # the second of two pipes: the time runs since the first
    assert scene.at(1059) == 0


def test_an_agent_that_starts_asks_soon_how_long_the_laptop_has_been_away():
    scene = Scene(Verdict.WAITING, Verdict.GONE)
    assert scene.at(AGAIN - 1) == 0
    assert scene.at(AGAIN) == 1
    assert scene.at(AGAIN + 1) == 1
    assert scene.at(3 * AGAIN) == 2
    assert scene.at(1000) == 2


def test_a_laptop_that_has_only_lost_its_way_to_us_is_asked_after_again():
    scene = with_laptop(Verdict.ALIVE, Verdict.ALIVE, Verdict.UNDONE)
    scene.guard.laptop_gone(0)
    for now in range(59, 200):
        scene.at(now)
    assert scene.attempts == 3


def test_a_missing_right_is_told_once_and_asked_for_again():
    scene = Scene(*[Forbidden("no right to get leases")] * 3)
    scene.at(AGAIN)
    scene.at(AGAIN + 1)
    assert scene.at(AGAIN + ASK_AGAIN) == 1
    assert scene.at(AGAIN + 1 + ASK_AGAIN) == 2
    scene.at(1000)
    assert scene.log == [
        "session kt-exchange-web is not undone by its agent: no right to get leases; "
        "callers go on to the origin"
    ]


def test_a_server_that_does_not_answer_is_asked_again_soon():
    scene = Scene(Unreachable("no answer"), RuntimeError("what"), Conflict("x"), Verdict.UNDONE)
    for now in range(5, 60, 3):
        scene.at(now)
    assert scene.attempts == 4
    assert len(scene.log) == 2
    assert "RuntimeError: what" in scene.log[1]


def test_an_attempt_that_a_laptop_overtook_counts_for_nothing():
    scene = with_laptop(Forbidden("no"))
    scene.guard.laptop_gone(0)
    scene.guard.tick(60)
    scene.guard.laptop_seen()
    scene.waiting.pop()()
    assert scene.at(61) == 1
    assert scene.at(1000) == 1
    assert scene.log == []


def test_only_one_attempt_is_made_at_a_time():
    scene = Scene(Verdict.UNDONE)
    scene.guard.tick(5)
    scene.guard.tick(6)
    scene.guard.tick(7)
    assert len(scene.waiting) == 1
