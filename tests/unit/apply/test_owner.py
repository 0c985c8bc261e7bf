import dataclasses
import subprocess
import sys

import pytest

from ktconnect.apply.owner import Owner


def test_the_calling_process_is_alive_and_here():
    me = Owner.current()
    assert me.is_alive()
    assert me.is_here()


def test_a_process_id_used_again_is_not_the_same_process():
    me = Owner.current()
    assert not dataclasses.replace(me, start="1").is_alive()
    assert not dataclasses.replace(me, boot="another").is_alive()


def test_an_ended_process_is_gone_even_while_nobody_has_collected_it():
    ask = "from ktconnect.apply.owner import Owner; print(Owner.current().start)"
    with subprocess.Popen([sys.executable, "-c", ask], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        start = child.stdout.read().strip()
        them = dataclasses.replace(Owner.current(), pid=child.pid, start=start)
        assert start
        while child.poll() is None:
            pass
    assert not them.is_alive()


def test_another_network_is_not_here_unless_it_ended_with_the_last_boot():
    there = dataclasses.replace(Owner.current(), netns="net:[1]")
    assert not there.is_here()
    assert dataclasses.replace(there, boot="before").is_here()


@pytest.fixture
def proc(tmp_path):
    (tmp_path / "77").mkdir()
    (tmp_path / "sys/kernel/random").mkdir(parents=True)
    (tmp_path / "sys/kernel/random/boot_id").write_text("b-1\n")
    return tmp_path


@pytest.mark.parametrize(("state", "alive"), [("S", True), ("R", True), ("Z", False), ("X", False)])
def test_a_zombie_does_not_count_as_alive(proc, state, alive):
    ticks = " ".join(["0"] * 18 + ["4711"] + ["0"] * 5)
    (proc / "77/stat").write_text(f"77 (a ) name) {state} {ticks}")
    assert Owner(77, "4711", "b-1").is_alive(proc) is alive


def test_without_proc_nobody_is_taken_for_alive(tmp_path):
    me = Owner.current(tmp_path)
    assert (me.start, me.boot, me.netns) == ("", "", "")
    assert not me.is_alive(tmp_path)
