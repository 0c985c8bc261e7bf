"""``make demo``: a laptop joins a real cluster, step by step, and leaves it without a trace.

Exit code 0 only if every step saw what it should.
"""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import ParamSpec

import click
from looks import Look, all_looks
from places import HERE, NAMESPACE, DemoFailed, Place, own_cluster, playground, program
from running import LAPTOP, running
from sharing import share_cart
from shell import Shell
from shop_life import claim, deploy, remove, wait_until_ready
from steps import Steps, console
from taking import take_cart

P = ParamSpec("P")
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@click.command()
@click.option("--context", default="", help="Use this context of your kubeconfig, no playground.")
@click.option("--name", default="demo", show_default=True, help="Name of the playground.")
@click.option("--keep", is_flag=True, envvar="KEEP", help="Leave shop and playground standing.")
def main(context: str, name: str, keep: bool) -> None:
    """Deploy a small shop, connect to it, take the place of one of its services, and leave."""
    steps = Steps()
    began = time.monotonic()
    for number in ENDINGS:
        signal.signal(number, _end)
    try:
        with contextlib.ExitStack() as stack:
            place = own_cluster(context) if context else _playground(steps, name, keep, stack)
            _deploy(steps, place, stack if context and not keep else None)
            _tour(steps, place)
    except (DemoFailed, subprocess.TimeoutExpired) as error:
        steps.bad(str(error))
    except KeyboardInterrupt:
        steps.bad("interrupted" + ("" if keep else ": everything was taken away"))
    outcome = f"{steps.failed} step(s) failed." if steps.failed else "All as it should be."
    console.print(f"\n[bold]{outcome}[/bold] {time.monotonic() - began:.0f} s in all.")
    sys.exit(1 if steps.failed else 0)


def _end(_number: int, _frame: FrameType | None) -> None:
    """The first signal ends the demo; from then on it takes away what it made, undisturbed."""
    _let_nobody_interrupt()
    raise KeyboardInterrupt


def _at_end(
    stack: contextlib.ExitStack, undo: Callable[P, object], *given: P.args, **named: P.kwargs
) -> None:
    stack.callback(undo, *given, **named)
    stack.callback(_let_nobody_interrupt)  # which comes before it


def _let_nobody_interrupt() -> None:
    for number in ENDINGS:
        signal.signal(number, signal.SIG_IGN)


def _playground(steps: Steps, name: str, keep: bool, stack: contextlib.ExitStack) -> Place:
    steps.head("A real Kubernetes of two nodes on this machine", "playground up --nodes 2")
    command = [program("playground"), "--name", name]
    _run([*command, "setup"])
    if not keep:
        _at_end(stack, subprocess.run, [*command, "down"], check=False)
    _run([*command, "up", "--nodes", "2", "--images", "envoy"])
    with steps.timed("the shop's images are made from Debian packages and given to the nodes"):
        folders = [str(HERE / "images" / image) for image in ("shop", "redis")]
        _run(*([*command, "image", "build", folder] for folder in folders))
    return playground(name)


def _run(*commands: list[str]) -> None:
    """Run commands side by side. Raises: DemoFailed naming the first that failed."""
    running = [
        (" ".join(command), subprocess.Popen(command, stdout=subprocess.DEVNULL))
        for command in commands
    ]
    failed = [text for text, process in running if process.wait()]
    if failed:
        raise DemoFailed(f"this failed: {failed[0]}")


def _deploy(steps: Steps, place: Place, stack: contextlib.ExitStack | None) -> None:
    """``stack`` is given what takes the shop away, where its cluster stays. Raises: DemoFailed."""
    steps.head("A small shop: front, catalog, cart, stock, and Redis", "kubectl apply -f …")
    if not place.has_grpc:
        console.print("  catalog speaks JSON over HTTP here: python:3-alpine has no gRPC")
    claim(place)
    if stack is not None:
        _at_end(stack, _remove, steps, place)
    with steps.timed("every Pod is ready"):
        deploy(place)
        wait_until_ready(place)


def _remove(steps: Steps, place: Place) -> None:
    steps.head("The shop is taken away", f"kubectl delete namespace {NAMESPACE}")
    with steps.timed(f"the cluster has no namespace {NAMESPACE} any more"):
        remove(place)


def _tour(steps: Steps, place: Place) -> None:
    with Shell(place.laptop) as laptop:
        before = laptop.run(LAPTOP).output
        _connect(steps, place, laptop)
        _compare(steps, before, laptop.run(LAPTOP).output)
    _nothing_left(steps, place)


def _connect(steps: Steps, place: Place, laptop: Shell) -> None:
    steps.head("The laptop joins the cluster", f"ktctl connect -n {NAMESPACE}")
    with running(place.command("connect", root=True)) as connection:
        steps.good("connected", connection.seconds)
        steps.head("Seen from the laptop")
        for look in all_looks(place):
            _look(steps, laptop, look)
        take_cart(steps, place, laptop)
        share_cart(steps, place, laptop)
        steps.head("The laptop leaves: Ctrl-C")
        steps.good("ktctl is gone", connection.end())


def _look(steps: Steps, laptop: Shell, look: Look) -> None:
    console.print(f"  [bold]{look.title}[/bold]")
    console.print(f"  $ {look.command}", style="cyan", markup=False)
    ran = laptop.run(look.command)
    try:
        steps.good(look.read(ran.output), ran.seconds)
    except (ValueError, KeyError) as error:
        steps.bad(f"{error}: {ran.output.strip() or 'no output'}")


def _compare(steps: Steps, before: str, after: str) -> None:
    began = time.monotonic()
    if before == after:
        text = "routes, rules, nft tables, resolv.conf and hosts are as before, byte for byte"
        steps.good(text, time.monotonic() - began)
        return
    lines = sorted(set(before.splitlines()) ^ set(after.splitlines()))
    steps.bad("the laptop is not as before:\n    " + "\n    ".join(lines))


def _nothing_left(steps: Steps, place: Place) -> None:
    began = time.monotonic()
    kinds = "deployments,configmaps,services,leases"
    found = place.objects("-n", NAMESPACE, kinds, "-l", "kt-session")
    names = [f"{one['kind']}/{one['metadata']['name']}" for one in found]
    if names:
        steps.bad(f"still in the cluster: {', '.join(names)}")
    else:
        steps.good("nothing of ktctl is left in the cluster", time.monotonic() - began)


if __name__ == "__main__":
    main()
