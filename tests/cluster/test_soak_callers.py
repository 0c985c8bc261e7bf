"""The long ones of sessions that callers come to: calls by the ten thousand, bodies of a gigabyte.

KTCTL_TEST_HELD   calls that are held at once
KTCTL_TEST_BODY   bytes of a large body
KTCTL_TEST_LONG   seconds that a long answer takes
"""

import contextlib
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from bench.probes import crowd
from tests.cluster.connecting import run_ktctl, started, wait_until
from tests.cluster.exchanging import Shop, serving
from tests.cluster.growth import of_pod, size, watched
from tests.cluster.mesh_table import argv, comes_to, marked, meshed
from tests.cluster.mesh_world import shop_world
from tests.cluster.namespaces import own_namespace
from tests.cluster.patience import at_last
from tests.cluster.polyglots import PIPES, calling_in_pod, polyglot_on_laptop
from tests.cluster.processes import family, send
from tests.cluster.taking import COLLEAGUE, age, nothing_of_ours

pytestmark = [pytest.mark.cluster, pytest.mark.soak, pytest.mark.timeout(3600)]

HELD = int(os.environ.get("KTCTL_TEST_HELD", "10000"))
BODY = int(os.environ.get("KTCTL_TEST_BODY", str(1 << 30)))
LONG = int(os.environ.get("KTCTL_TEST_LONG", "600"))
SLOWEST = 1e6
"""Bytes a second that a large body makes at least."""
BOUND = 128.0
"""MB by which nothing may grow while large bodies pass: what is on its way is bounded, by windows
of HTTP/2 of some 30 MB on either side of the router."""
WARM = 200
"""Calls after which whatever is kept for further ones is there."""
NOISE = 4
"""Descriptors that come and go with the session's own requests."""
OPEN_WITHIN = 300
"""Seconds for opening all of them, on a machine with much else to do."""
ANSWERED_LATE = 20


@pytest.fixture
def shop(cluster):
    with own_namespace(cluster, "soak") as namespace, shop_world(cluster, namespace) as found:
        yield found


ECHO = """
import asyncio, resource, sys

async def echo(reader, writer):
    while data := await reader.read(1000):
        writer.write(data)
    writer.close()

async def main():
    server = await asyncio.start_server(echo, "127.0.0.1", int(sys.argv[1]), backlog=1000)
    print("ready", flush=True)
    await server.serve_forever()

most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
asyncio.run(main())
"""


@contextlib.contextmanager
def echoing(cluster):
    """A program on the laptop that says what it hears: its process and port."""
    port = random.randrange(20000, 30000)
    argv = [sys.executable, "-c", ECHO, str(port)]
    process = cluster.laptop_popen(argv, stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"ready\n"
        yield process.pid, port
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@contextlib.contextmanager
def held(shop, count):
    """So many connections are open, each has carried a byte both ways, and does so in the end."""
    script = Path(crowd.__file__).read_text()
    words = ["python3", "-c", script, "web", "8081", str(count), str(OPEN_WITHIN)]
    where = ["--namespace", shop.namespace, "caller"]
    process = subprocess.Popen(
        shop.cluster.kubectl_command("exec", "-i", *where, "--", *words), **PIPES
    )
    stdin, stdout = process.stdin, process.stdout
    assert stdin is not None
    assert stdout is not None
    try:
        opened = json.loads(stdout.readline())
        assert opened["held"] == count
        yield opened["seconds"]
        stdin.write("\n")
        stdin.flush()
        assert json.loads(stdout.readline())["held"] == count
        assert process.wait(at_last(30)) == 0
    finally:
        process.kill()
        process.wait()
        stdin.close()
        stdout.close()


def has_at_most(pids, descriptors):
    return size(pids).descriptors <= descriptors


def test_ten_thousand_calls_are_held_and_leave_nothing(cluster, namespace, report):
    shop = Shop(cluster, namespace).open()
    with echoing(cluster) as (pid, port):
        expose = ("--expose", f"{port}:tcp")
        with serving(cluster, namespace, "exchange", "web", *expose) as session:
            pids = {
                "ktctl": {session.pid},
                "agent": of_pod(cluster, namespace, "web-kt-exchange-"),
                "program": {pid},
            }
            with held(shop, WARM):
                pass
            wait_until(lambda: session.status["calls"]["open"] == 0, within=30)
            before = {name: size(each) for name, each in pids.items()}
            with held(shop, HELD) as seconds:
                wait_until(lambda: session.status["calls"]["open"] == HELD, within=10)
                during = {name: size(each) for name, each in pids.items()}
            assert session.status["calls"]["total"] >= HELD
            wait_until(lambda: session.status["calls"]["open"] == 0, within=60)
            for name, each in pids.items():
                assert during[name].descriptors >= HELD, name
                most = before[name].descriptors + NOISE
                wait_until(partial(has_at_most, each, most), within=30)
            assert session.status["reconnections"] == 0
    grown = {name: during[name].memory - before[name].memory for name in pids}
    report(opened=seconds, **{f"{name} {grown[name]:.0f} MB more, of": HELD for name in pids})


def digest(length):
    """SHA-256 of so many zeros."""
    known, block = hashlib.sha256(), bytes(1 << 20)
    for begin in range(0, length, len(block)):
        known.update(block[: length - begin])
    return known.hexdigest()


def test_bodies_of_a_gigabyte_pass_while_one_answer_takes_ten_minutes(shop, report):
    cluster, namespace = shop.cluster, shop.namespace
    options = {"headers": marked("ann"), "patience": BODY / SLOWEST + 60}
    wanted = digest(BODY)
    with contextlib.ExitStack() as stack:
        ann = stack.enter_context(polyglot_on_laptop(cluster, "ann"))
        session = stack.enter_context(meshed(shop, "router", "ann", ann))
        other = stack.enter_context(calling_in_pod(cluster, namespace, "caller"))
        pool = stack.enter_context(ThreadPoolExecutor(1))
        comes_to(shop.caller, marked("ann"), "ann")
        path, patience = f"/sse?count={LONG}&pause=1", LONG * 3 + 60
        long = pool.submit(
            other.ask, "http", "shop", 80, path=path, headers=marked("ann"), patience=patience
        )
        pids = {
            "ktctl": {session.pid},
            "agent": of_pod(cluster, namespace, "shop-kt-mesh-"),
            "router": of_pod(cluster, namespace, "shop-kt-router-"),
        }
        before = {name: size(each) for name, each in pids.items()}
        with watched(pids) as most:
            for kind, port in (("http", 80), ("h2c", 8082)):
                up = shop.caller.ask(kind, "shop", port, method="POST", size=BODY, **options)
                assert up.error == ""
                assert (up.who, up.seen["length"], up.seen["sha256"]) == ("ann", BODY, wanted)
                report(**{f"{kind} up": up.seconds})
                down = shop.caller.ask(kind, "shop", port, path=f"/bytes?count={BODY}", **options)
                assert (down.error, down.length) == ("", BODY)
                assert down.headers["x-kt-served-by"] == "ann"
                report(**{f"{kind} down": down.seconds})
        answer = long.result()
    grown = {name: most.sizes[name].memory - before[name].memory for name in pids}
    report(**{f"{name} from {before[name].memory:.0f} MB by": grown[name] for name in pids})
    assert (answer.error, answer.who, len(answer.told)) == ("", "ann", LONG)
    assert answer.seconds >= LONG - 1
    assert max(grown.values()) < BOUND, grown


def test_a_call_through_a_dead_routers_is_answered_while_it_is_undone(shop):
    """Nobody who could tell the router to drain is there any more."""
    cluster, namespace = shop.cluster, shop.namespace
    with polyglot_on_laptop(cluster, "ann") as ann, ThreadPoolExecutor(1) as pool:
        with started(cluster, argv(shop, "router", "ann", ann)) as session:
            session.wait_for(lambda event: event["event"] == "ready", 60)
            comes_to(shop.caller, marked("ann"), "ann")
            send(signal.SIGKILL, *family(session.pid))
            session.wait()
        comes_to(shop.caller, marked("ann"), "shop")
        for lease in ("kt-mesh-shop.ann", "kt-router-shop"):
            age(cluster, namespace, lease, 300)
        path = f"/slow?seconds={ANSWERED_LATE}"
        slow = {"kind": "http", "port": 80, "path": path, "fresh": True, "patience": 60}
        calls = [{**slow, "host": "shop", "headers": each} for each in ({}, marked("ann"))]
        with shop.caller.load("http", "shop", 80, rate=20, workers=2) as kept:
            asked = pool.submit(shop.caller.ask_all, calls)
            done = run_ktctl(cluster, "clean", "-n", namespace, "-o", "json", env=COLLEAGUE)
            assert done.code == 0, done
            tally, answers = kept.stop(), asked.result()
        assert [answer.error for answer in answers] == ["", ""]
        assert [answer.who for answer in answers] == ["shop", "shop"]
        assert all("x-kt-served-by" in answer.headers for answer in answers), "by the router"
        assert tally.failed == 0, tally.failures
    wait_until(lambda: nothing_of_ours(cluster, namespace), within=30)
