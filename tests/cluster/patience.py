"""How long this tier waits, said in one place: two cores carry a cluster, a laptop and the tests.

Waiting ends as soon as the condition holds, so its limit only decides how long a failure takes:
``at_last`` is generous. What ktctl promises in seconds is asserted with ``allowed``: the promise,
and what a machine adds on which processes wait for each other.
"""

import os

WAITS = 4.0  # a condition may take so many times as long as it does on an idle machine
TEST = 400.0  # seconds for a test with its fixtures; one that hangs is ended then
STUMBLE = 0.5  # seconds that any process may be kept waiting, at any time
MOST = 4.0  # an overloaded machine gets no more than that


def at_last(usual: float) -> float:
    """The limit, in seconds, of waiting for what usually takes no longer than ``usual``."""
    return usual * WAITS


def allowed(promised: float) -> float:
    """The limit, in seconds, of what is promised to take ``promised`` at most."""
    waiting = os.getloadavg()[0] / (os.cpu_count() or 1)
    return promised * min(max(waiting, 1.5), MOST) + STUMBLE
