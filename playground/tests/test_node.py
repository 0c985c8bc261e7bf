"""The machines: nodes, router, laptop."""

from pathlib import Path

from playground import router
from playground.folders import RunFolder
from playground.laptop import BINARIES, Entrance, laptop_machine, with_user
from playground.node import Supplies, import_command, node_machine
from playground.plan import Plan

PLAN = Plan("t", 2)
RUN = RunFolder("t")
SUPPLIES = Supplies(Path("/bin"), [Path("/a.tar")], ["/cgroup"])


def unit_names(number: int) -> list[str]:
    machine = node_machine(PLAN, PLAN.nodes[number], RUN, SUPPLIES)
    return [unit.name for unit in machine.units]


def test_only_the_first_node_runs_the_control_plane() -> None:
    assert "kube-apiserver" in unit_names(0)
    assert unit_names(1) == ["containerd", "images", "api-probe", "kube-proxy", "kubelet"]


def test_a_kubelet_waits_until_its_node_object_has_a_range() -> None:
    machine = node_machine(PLAN, PLAN.nodes[0], RUN, SUPPLIES)
    kubelet = next(unit for unit in machine.units if unit.name == "kubelet")
    assert str(RUN.nodes_registered) in kubelet.needs


def test_whatever_a_node_mounts_is_private_memory_or_in_its_own_folder() -> None:
    machine = node_machine(PLAN, PLAN.nodes[0], RUN, SUPPLIES)
    for mount in machine.mounts:
        assert mount.kind == "tmpfs" or mount.source.startswith(f"{machine.folder}/")


def test_images_are_imported_one_by_one_and_the_first_failure_counts() -> None:
    script = import_command([Path("/a.tar"), Path("/b.tar")])[-1]
    assert script == (
        "set -e; ctr -n k8s.io images import /a.tar; ctr -n k8s.io images import /b.tar"
    )


def test_the_internet_knows_its_names_in_both_families() -> None:
    assert "203.0.113.10 example.com" in router.hosts()
    assert "2001:db8:113::10 example.com" in router.hosts()
    assert router.SLOW_NAME in router.corefile()


def test_the_laptop_has_files_of_its_own_and_no_processes_apart() -> None:
    machine = laptop_machine(RUN, Path("/bin"))
    assert not machine.own_processes
    assert {"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf"} <= set(machine.files)
    assert {mount.target for mount in machine.mounts} >= {"/etc", "/run"}


def test_the_ordinary_user_takes_the_place_of_whoever_had_the_number() -> None:
    text = "root:x:0:0:root:/root:/bin/sh\nother:x:1000:1000::/home/other:/bin/sh\n"
    assert with_user(text, "dev:x:1000:1000::/h:/bin/sh").splitlines() == [
        "root:x:0:0:root:/root:/bin/sh",
        "dev:x:1000:1000::/h:/bin/sh",
    ]


def test_a_laptop_command_enters_the_namespaces_of_the_laptop() -> None:
    entrance = Entrance(42, Path("/kubeconfig"))
    command = entrance.command(["id"], folder="/tmp")
    assert command[:2] == ["nsenter", "--target=42"]
    assert command[-1] == "id"
    assert "setpriv" not in command


def test_an_ordinary_user_has_neither_the_admins_kubeconfig_nor_its_rights() -> None:
    entrance = Entrance(42, Path("/kubeconfig"))
    assert "setpriv" in entrance.command(["id"], user=1000, folder="/tmp")
    environment = entrance.environment({"PATH": "/bin"}, user=1000)
    assert "KUBECONFIG" not in environment
    assert environment["PATH"] == f"{BINARIES}:/bin"


def test_a_kubeconfig_that_the_caller_chose_is_kept() -> None:
    environment = Entrance(42, Path("/admin")).environment({"KUBECONFIG": "/mine"})
    assert environment["KUBECONFIG"] == "/mine"
