"""How a playground comes up and goes: every step can be broken off and repeated."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from playground import build, cgroups, line, machines, manifests, network, state
from playground.access import Access
from playground.commands import last_lines, run
from playground.errors import PlaygroundError
from playground.images.store import ALWAYS
from playground.laptop import laptop_machine
from playground.machine import Machine
from playground.node import Supplies, node_machine
from playground.plan import API_SERVICE, Plan
from playground.router import router_machine
from playground.state import State

Say = Callable[[str], None]


def come_up(site: Access, node_count: int | None, say: Say) -> bool:
    """Bring up what is missing. False: nothing was. Raises: PlaygroundError.

    What an interrupted ``up`` left is removed first, as nobody knows how far it came; a playground
    that was up keeps its state, and only its stopped machines are started.
    """
    if _came_up(site):
        return _complete(site, node_count, say)
    if remove(site):
        say("what was left of an earlier one is removed")
    _create(site, Plan(site.name, node_count or 1), say)
    return True


def _came_up(site: Access) -> bool:
    """Whether it was up once and can go on: after a reboot the namespaces are gone."""
    known = state.load(site.folder)
    if known is None or not site.folder.came_up.exists():
        return False
    namespaces = {site.plan.namespace(machine) for machine in site.plan.machines}
    return namespaces <= set(network.existing(site.name)) and Path(known.binaries, "kube").exists()


def _complete(site: Access, node_count: int | None, say: Say) -> bool:
    existing = site.state.node_count
    if node_count not in (None, existing):
        raise PlaygroundError(
            f"playground {site.name} is up with {existing} nodes, not {node_count}",
            hint="take it down first, or give another --name",
        )
    stopped = site.stopped_machines()
    for machine in stopped:
        start(site, machine)
        say(f"{machine} is started again")
    if not machines.is_running(site.folder.machine("line")) and site.state.line:
        line.put(site, line.current(site))
    if stopped:
        _wait_for_nodes(site, say)
    return bool(stopped)


def _create(site: Access, plan: Plan, say: Say) -> None:
    known = State(plan.node_count, str(build.binaries()))
    known.save(site.folder)
    images = [site.store.builtin(name) for name in ALWAYS]
    known.images = {image.name: image.reference for image in images}
    known.archives = [str(image.file) for image in images]
    known.save(site.folder)
    network.create(plan)
    _make_pki(site, plan)
    say("images, networks and certificates are made")
    first, *others = (node.name for node in plan.nodes)
    for machine in (first, "laptop", "router", *others):  # the API server takes longest
        start(site, machine)
    say(f"machines are started: laptop, internet, {', '.join(node.name for node in plan.nodes)}")
    try:
        _wait_for_cluster(site, say)
    except PlaygroundError as error:
        raise PlaygroundError(
            f"{error}{failing_units(site)}",
            hint=f"`{site.command} logs` lists the logs; they stay until the next `up` or `down`",
        ) from None
    site.folder.came_up.touch()


def _make_pki(site: Access, plan: Plan) -> None:
    sans = ["127.0.0.1", "::1", *API_SERVICE, *plan.nodes[0].addresses]
    facts = {"sans": sans, "nodes": [node.name for node in plan.nodes]}
    build.make_pki(Path(site.state.binaries) / "kube", site.folder.pki, plan.server, facts)


def start(site: Access, machine: str) -> None:
    """Start one machine of a playground. Raises: PlaygroundError."""
    machines.start(_spec(site, machine), site.plan.namespace(machine))


def _spec(site: Access, machine: str) -> Machine:
    known = site.state
    binaries = Path(known.binaries)
    if machine == "router":
        return router_machine(site.folder, binaries)
    if machine == "laptop":
        return laptop_machine(site.folder, binaries)
    leaves = cgroups.create(site.plan.namespace(machine))
    supplies = Supplies(binaries, [Path(archive) for archive in known.archives], leaves)
    return node_machine(site.plan, site.node(machine), site.folder, supplies)


def failing_units(site: Access) -> str:
    """The programs that keep ending, each with the last line it said."""
    found = []
    for machine in site.plan.machines:
        for name, unit in machines.units(site.folder.machine(machine)).items():
            if unit["starts"] > 1 and not unit["finished"]:
                said = last_lines(site.folder.log(machine, name).read_text(errors="replace"), 1)
                found.append(f"\n{name} on {machine} ended {unit['starts']} times: {said[:300]}")
    return "".join(found)


def _wait_for_cluster(site: Access, say: Say) -> None:
    probe = [sys.executable, "-m", "playground.probe", f"{site.plan.server}/readyz"]
    run(site.entrance.command(probe, folder="/"), timeout=180)
    say("the API server is ready")
    site.apply(manifests.first_objects(site.plan))
    site.folder.nodes_registered.touch()
    _wait_for_nodes(site, say)
    site.kubectl("-n", "kube-system", "rollout", "status", "deploy/coredns", "--timeout=180s")
    say("the cluster's DNS is ready")


def _wait_for_nodes(site: Access, say: Say) -> None:
    names = [f"node/{node.name}" for node in site.plan.nodes]
    site.kubectl("wait", "--for=condition=Ready", "--timeout=180s", *names)
    say("the nodes are Ready")


def remove(site: Access) -> bool:
    """Remove everything of a playground, however little is left of it. False: nothing was.

    It looks for what carries the playground's name rather than for what was noted down, so it
    works after any crash.
    """
    namespaces = network.existing(site.name)
    network.kill_residents(site.name)
    groups = cgroups.existing(site.name)
    for group in groups:
        cgroups.remove(group)
    for namespace in namespaces:
        network.delete(namespace)
    existed = site.folder.root.exists()
    shutil.rmtree(site.folder.root, ignore_errors=True)
    return existed or bool(namespaces or groups)
