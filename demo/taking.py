"""The other direction: a service on the laptop takes the place of one in the cluster, and dies."""

import subprocess
import time

from callers import Callers, Tally
from carts import cart_on
from places import NAMESPACE, DemoFailed, Place
from running import Running, running
from shell import Shell
from steps import Steps, console

PORT = 8089
CLUSTER, LAPTOP = "v1", "laptop"
WATCHED = 2.0  # seconds for which callers are watched when nothing special happens
WAITS = 6.0  # seconds that a caller may wait for a laptop that has died
ENOUGH = 40  # answers that show that all is well
URL = "http://cart/anna"


def take_cart(steps: Steps, place: Place, laptop: Shell) -> None:
    """Exchange, a kill, and a preview, each seen by callers in the cluster. Raises: DemoFailed."""
    with cart_on(place, laptop, LAPTOP, PORT):
        steps.head(
            "Callers in the cluster, 50 a second",
            f"curl {URL}    # in a Pod of front",
        )
        with Callers(place, URL) as callers:
            tally = watch(callers, CLUSTER)
            steps.good(f"{tally}", WATCHED)
            _exchange(steps, place, callers)
        _preview(steps, place)


def _exchange(steps: Steps, place: Place, callers: Callers) -> None:
    expose = ("exchange", "cart", "--expose", f"{PORT}:80")
    steps.head("The laptop takes the place of cart", f"ktctl {' '.join(expose)} -n {NAMESPACE}")
    began = time.monotonic()
    with running(place.command(*expose)) as session:
        steps.good(str(session.ready["facts"].get("proof") or "callers come here"), session.seconds)
        judge(steps, callers.since(began), session.seconds, "meanwhile: ")
        judge(steps, watch(callers, LAPTOP), WATCHED, "")
        _freeze(steps, session, callers)
        steps.head("ktctl is killed in the middle of it", f"kill -9 {session.pid}")
        killed = time.monotonic()
        session.kill()
        _after_death(steps, callers, killed)
    _recover(steps, place, callers)


def _freeze(steps: Steps, session: Running, callers: Callers) -> None:
    steps.head("The laptop freezes, as when its lid is closed", f"kill -STOP {session.pid}")
    frozen = time.monotonic()
    session.freeze()
    try:
        _after_death(steps, callers, frozen)
    finally:
        session.thaw()
    began = time.monotonic()
    callers.wait_for(lambda seen: seen.by[LAPTOP] > 0, began, 15)
    steps.good("it thaws, and callers come here again", time.monotonic() - began)


def _recover(steps: Steps, place: Place, callers: Callers) -> None:
    steps.head("Cart is given back to its own Pods", f"ktctl recover cart -n {NAMESPACE}")
    began = time.monotonic()
    _run(place.command("recover", "cart"))
    restored(steps, place, time.monotonic() - began)
    judge(steps, callers.since(began), time.monotonic() - began, "meanwhile: ")


def _after_death(steps: Steps, callers: Callers, died: float) -> None:
    """Shown second by second, until the cluster has answered callers for a while."""
    tally = callers.since(died)
    for second in range(1, int(WAITS) + 4):
        time.sleep(max(0.0, died + second - time.monotonic()))
        tally = callers.since(died)
        console.print(f"    after {second} s  {tally}", style="dim", markup=False)
        if tally.by[CLUSTER] >= ENOUGH:
            judge(steps, tally, time.monotonic() - died, "calls since then: ")
            broken = callers.under_way(died)
            if broken.count:  # what the laptop had taken is lost with it, as with any server
                console.print(f"    under way in that moment: {broken}", style="dim", markup=False)
            return
    raise DemoFailed(f"callers are not answered: {tally}")


def restored(steps: Steps, place: Place, seconds: float) -> None:
    [service] = place.objects("-n", NAMESPACE, "service", "cart")
    if service["spec"]["selector"] == {"app": "cart"}:
        steps.good("its selector is app=cart again, and nothing of the session is left", seconds)
    else:
        steps.bad(f"its selector is {service['spec']['selector']}")


def _preview(steps: Steps, place: Place) -> None:
    words = ("preview", "tomorrow", "--expose", f"{PORT}:80")
    steps.head("A Service of the laptop's own", f"ktctl {' '.join(words)} -n {NAMESPACE}")
    with running(place.command(*words)) as session:
        steps.good("the cluster has a Service tomorrow", session.seconds)
        with Callers(place, "http://tomorrow/anna") as callers:
            judge(steps, watch(callers, LAPTOP, 1.0), 1.0, "")
        steps.good("Ctrl-C: it is gone", session.end())


def watch(callers: Callers, who: str, seconds: float = WATCHED) -> Tally:
    """Wait for an answer of ``who``, then a while; what was seen in that. Raises: DemoFailed."""
    callers.wait_for(lambda tally: tally.by[who] > 0, time.monotonic(), 10)
    began = time.monotonic()
    time.sleep(seconds)
    tally = callers.since(began)
    if set(tally.by) != {who}:
        raise DemoFailed(f"only cart {who} should have answered: {tally}")
    return tally


def judge(steps: Steps, tally: Tally, seconds: float, what: str) -> None:
    if tally.failed or tally.longest > WAITS + 0.5:
        steps.bad(f"{what}{tally}")
    else:
        steps.good(f"{what}{tally}", seconds)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        raise DemoFailed(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
