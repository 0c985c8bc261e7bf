"""The init of a machine: here without namespaces, on real processes."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from playground.init import make_file, mount_command, replace
from playground.machine import Machine, Mount, Unit, hold_file, units_file

PROGRAM = """
import sys
from pathlib import Path
from playground.init import Supervisor
from playground.machine import Machine
Supervisor(Machine.from_json(Path(sys.argv[1]).read_text())).run()
"""


@contextmanager
def supervised(folder: Path, *units: Unit) -> Iterator["subprocess.Popen[bytes]"]:
    hold_file(folder, "any").parent.mkdir()
    spec = folder / "machine.json"
    spec.write_text(Machine("m", str(folder), str(folder), units=list(units)).to_json())
    with subprocess.Popen([sys.executable, "-c", PROGRAM, str(spec)]) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(10)


def said(folder: Path, unit: str) -> dict[str, int]:
    try:
        found: dict[str, int] = json.loads(units_file(folder).read_text())[unit]
    except FileNotFoundError:
        return {"running": 0, "starts": 0, "finished": 0}
    return found


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_unit_that_ends_is_started_again(tmp_path: Path) -> None:
    with supervised(tmp_path, Unit("u", ["true"])):
        wait_for(lambda: said(tmp_path, "u")["starts"] >= 2)


def test_a_unit_waits_for_the_files_it_needs(tmp_path: Path) -> None:
    needed = tmp_path / "needed"
    first = Unit("first", ["sleep", "0.3"], creates=str(needed))
    second = Unit("second", ["test", "-e", str(needed)], needs=[str(needed)], creates=f"{needed}2")
    with supervised(tmp_path, second, first):
        wait_for(lambda: bool(said(tmp_path, "second")["finished"]))
        assert said(tmp_path, "second")["starts"] == 1


def test_a_unit_that_is_to_succeed_once_is_not_started_again(tmp_path: Path) -> None:
    with supervised(tmp_path, Unit("once", ["true"], creates=str(tmp_path / "done"))):
        wait_for((tmp_path / "done").exists)
        time.sleep(1.5)
        assert said(tmp_path, "once")["starts"] == 1


def test_a_held_unit_is_stopped_and_runs_again_when_released(tmp_path: Path) -> None:
    with supervised(tmp_path, Unit("u", ["sleep", "100"])):
        wait_for(lambda: bool(said(tmp_path, "u")["running"]))
        hold_file(tmp_path, "u").touch()
        wait_for(lambda: not said(tmp_path, "u")["running"])
        hold_file(tmp_path, "u").unlink()
        wait_for(lambda: bool(said(tmp_path, "u")["running"]))


def test_units_end_with_their_machine(tmp_path: Path) -> None:
    note = tmp_path / "ended"
    script = f"trap 'touch {note}; exit' TERM; while :; do sleep 0.05; done"
    with supervised(tmp_path, Unit("u", ["sh", "-c", script])) as process:
        wait_for(lambda: bool(said(tmp_path, "u")["running"]))
        time.sleep(0.2)
    assert process.returncode == 0
    assert note.exists()


def test_a_link_in_the_place_of_a_file_is_replaced_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("theirs")
    (tmp_path / "resolv.conf").symlink_to(tmp_path / "target")
    make_file(tmp_path / "resolv.conf", "ours")
    assert (tmp_path / "target").read_text() == "theirs"
    assert (tmp_path / "resolv.conf").read_text() == "ours"


def test_replace_leaves_no_draft(tmp_path: Path) -> None:
    replace(tmp_path / "a.json", "1")
    replace(tmp_path / "a.json", "2")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["2"]


@pytest.mark.parametrize(
    ("mount", "command"),
    [
        (Mount("bind", "/to", "/from"), "mount --rbind /from /to"),
        (Mount("tmpfs", "/run"), "mount -t tmpfs tmpfs /run"),
        (Mount("tmpfs", "/run", options="mode=755"), "mount -t tmpfs -o mode=755 tmpfs /run"),
    ],
)
def test_a_mount_becomes_a_command(mount: Mount, command: str) -> None:
    assert " ".join(mount_command(mount)) == command
