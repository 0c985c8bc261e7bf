"""Two users share one service, each by a mark of their own, and a third reads along."""

import contextlib
import json
import shlex
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from callers import Callers
from carts import cart_on
from places import NAMESPACE, DemoFailed, Place
from running import Event, Running, running
from shell import Shell
from steps import Steps, console
from taking import CLUSTER, URL, judge, restored, watch

USERS = {"ann": 8091, "bob": 8092}
COMPARED = 20  # comparisons that show that a mirror reads along
READ_ALONG = 15.0  # seconds they may take


def share_cart(steps: Steps, place: Place, laptop: Shell) -> None:
    """Two meshes, an explanation, and a mirror, while others call. Raises: DemoFailed."""
    with contextlib.ExitStack() as carts:
        for user, port in USERS.items():
            carts.enter_context(cart_on(place, laptop, f"laptop-{user}", port))
        with Callers(place, URL) as callers:
            watch(callers, CLUSTER, 0.5)
            began = time.monotonic()
            _share(steps, place, laptop, callers)
            judge(steps, callers.since(began), time.monotonic() - began, "unmarked, all the time: ")


def _share(steps: Steps, place: Place, laptop: Shell, callers: Callers) -> None:
    commands = {user: (*_mesh(user), *place.router) for user in USERS}
    steps.head(
        "Two users share cart at once, each with a mark of their own",
        "; ".join(f"ktctl {' '.join(words)} -n {NAMESPACE}" for words in commands.values()),
    )
    with _all_running(place, *commands.values()) as (ann, bob):
        for user, session in zip(USERS, (ann, bob), strict=True):
            steps.good(f"{user}: {session.ready['banner']}", session.seconds)
        for user in (*USERS, "nobody", ""):
            _ask(steps, laptop, user)
        _explain(steps, place)
        steps.head("Ann leaves, and bob stays")
        steps.good("Ctrl-C: ann is gone", ann.end())
        _ask(steps, laptop, "ann", CLUSTER)
        _ask(steps, laptop, "bob")
        _mirror(steps, place, callers)
        steps.head("The last one leaves")
        steps.good("Ctrl-C: bob is gone", bob.end())
    restored(steps, place, 0.0)


def _mesh(user: str) -> tuple[str, ...]:
    return ("mesh", "cart", "--expose", f"{USERS[user]}:80", "--versionMark", user)


@contextlib.contextmanager
def _all_running(place: Place, *commands: tuple[str, ...]) -> Iterator[list[Running]]:
    """Started side by side, as users do who don't know of each other."""
    with contextlib.ExitStack() as stack, ThreadPoolExecutor() as pool:
        started = [running(place.command(*words)) for words in commands]
        futures = [pool.submit(each.__enter__) for each in started]
        for each, future in zip(started, futures, strict=True):
            future.exception()  # both have ended their start, whatever came of it
            if future.exception() is None:
                stack.push(each.__exit__)
        yield [future.result() for future in futures]


def _ask(steps: Steps, laptop: Shell, mark: str, wanted: str = "") -> None:
    """One request with the mark; who answered it."""
    wanted = wanted or (f"laptop-{mark}" if mark in USERS else CLUSTER)
    header = f"-H 'VERSION: {mark}' " if mark else ""
    command = f"curl -sS -m 5 {header}{URL}"
    console.print(f"  $ {command}", style="cyan", markup=False)
    ran = laptop.run(command)
    try:
        found = json.loads(ran.output)["version"]
    except (ValueError, KeyError):
        found = "nobody"
    if found == wanted:
        steps.good(f"answered by cart {found}", ran.seconds)
    else:
        steps.bad(f"answered by {found}, not {wanted}: {ran.output.strip()}")


def _explain(steps: Steps, place: Place) -> None:
    words = ("explain", "cart", "--header", "VERSION: Ann", "--live")
    steps.head(
        "Why does this request not come to ann?", f"ktctl {shlex.join(words)} -n {NAMESPACE}"
    )
    began = time.monotonic()
    said = _said(place.command(*words))
    [router] = [hop for hop in said["hops"] if hop["at"] == "router"] or [{"why": ()}]
    for line in router["why"]:
        console.print(f"    {line}", style="dim", markup=False)
    live = said["live"]
    if live["asExplained"] and said["answer"]["by"] == "origin":
        steps.good(f"sent, and it was so: {live['says']}", time.monotonic() - began)
    else:
        steps.bad(f"expected the origin: {said['answer']}; what came: {live['says']}")


def _said(command: list[str]) -> Event:
    done = subprocess.run([*command, "-o", "json"], capture_output=True, text=True, timeout=120)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    told = [event for event in events if event["event"] == "explained"]
    if not told:
        raise DemoFailed(f"{' '.join(command)}: {done.stdout.strip()} {done.stderr.strip()}")
    return dict(told[0])


def _mirror(steps: Steps, place: Place, callers: Callers) -> None:
    words = ("mirror", "cart", "--expose", f"{USERS['ann']}:80", "--diff", *place.router)
    steps.head("Ann reads along instead, and compares", f"ktctl {' '.join(words)} -n {NAMESPACE}")
    with running(place.command(*words)) as session:
        steps.good("copies come here; the cluster answers", session.seconds)
        compared = _compared(session)
        judge(steps, watch(callers, CLUSTER, 0.5), 0.5, "callers: ")
        [first, *_] = [each["differences"] for each in compared if each["differences"]] or [()]
        told = "; ".join(f"{each['what']} {each['where']}" for each in first[:3])
        steps.good(f"{len(compared)} answers compared; they differ in: {told or 'nothing'}", 0.0)
        steps.good("Ctrl-C: it is gone", session.end())


def _compared(session: Running) -> list[Event]:
    """What was compared so far, as soon as it is enough. Raises: DemoFailed."""
    end = time.monotonic() + READ_ALONG
    while True:
        found = [each for each in session.events if each.get("event") == "compared"]
        if len(found) >= COMPARED:
            return found
        if time.monotonic() > end:
            raise DemoFailed(f"in {READ_ALONG:g} s only {len(found)} answers were compared")
        time.sleep(0.05)
