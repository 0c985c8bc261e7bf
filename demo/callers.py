"""Callers in the cluster that go on while things happen to whom they call, and are counted."""

import json
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from places import HERE, NAMESPACE, DemoFailed, Place

PROGRAM = (HERE / "callers_in_pod.py").read_text()


@dataclass(frozen=True)
class Answer:
    """When the call began (monotonic seconds here), how long it took, and who answered it."""

    began: float
    seconds: float
    who: str

    @property
    def failed(self) -> bool:
        return self.who.startswith("failed")


class Tally:
    """Some answers, for a person."""

    def __init__(self, answers: list[Answer]) -> None:
        self.failed = sum(answer.failed for answer in answers)
        self.by = Counter(answer.who for answer in answers if not answer.failed)
        self.longest = max((answer.seconds for answer in answers), default=0.0)
        self.count = len(answers)

    def __str__(self) -> str:
        by = ", ".join(f"{count} by cart {who}" for who, count in self.by.most_common())
        if not by and not self.failed:
            return "no answer yet: all callers wait"
        return f"{by or 'nobody'}; {self.failed} failed; longest wait {self.longest:.2f} s"


class Callers:
    """They ask ``url`` from a Pod of ``front`` for as long as the ``with`` lasts."""

    def __init__(self, place: Place, url: str) -> None:
        inside = ["exec", "-i", "deploy/front", "--", "python3", "-u", "-c", PROGRAM, url]
        self._process = subprocess.Popen(
            [*place.kubectl, "-n", NAMESPACE, *inside],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self._answers: list[Answer] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            seconds, who = json.loads(line)
            self._answers.append(Answer(time.monotonic() - seconds, seconds, who))

    def since(self, began: float) -> Tally:
        """Of the calls that began from then on and have ended."""
        return Tally([each for each in list(self._answers) if each.began >= began])

    def under_way(self, moment: float) -> Tally:
        """Of the calls that had begun in that moment, and ended later."""
        begun = [each for each in list(self._answers) if each.began < moment]
        return Tally([each for each in begun if each.began + each.seconds > moment])

    def wait_for(self, wanted: Callable[[Tally], bool], since: float, within: float) -> Tally:
        """What began ``since``, as soon as it is what is wanted. Raises: DemoFailed."""
        end = time.monotonic() + within
        while not wanted(tally := self.since(since)):
            if time.monotonic() > end:
                raise DemoFailed(f"not in {within:g} s what was expected: {tally}")
            time.sleep(0.05)
        return tally

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
