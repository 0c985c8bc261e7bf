import dataclasses
import subprocess
import sys

import pytest

from ktconnect.apply import owner
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


@pytest.fixture
def proc(tmp_path):
    (tmp_path / "77/ns").mkdir(parents=True)
    (tmp_path / "77/ns/net").symlink_to("net:[77]")
    (tmp_path / "self/ns").mkdir(parents=True)
    (tmp_path / "self/ns/net").symlink_to("net:[1]")
    (tmp_path / "sys/kernel/random").mkdir(parents=True)
    (tmp_path / "sys/kernel/random/boot_id").write_text("b-1\n")
    return tmp_path


@pytest.mark.parametrize(("state", "alive"), [("S", True), ("R", True), ("Z", False), ("X", False)])
def test_a_zombie_does_not_count_as_alive(proc, state, alive):
    ticks = " ".join(["0"] * 18 + ["4711"] + ["0"] * 5)
    (proc / "77/stat").write_text(f"77 (a ) name) {state} {ticks}")
    assert Owner(77, "4711", "b-1").is_alive(proc) is alive


def test_another_network_is_not_here_while_it_is_there(proc):
    me = Owner(77, "4711", "b-1", "net:[1]")
    assert me.is_here(proc)
    assert not dataclasses.replace(me, netns="net:[77]").is_here(proc)
    assert dataclasses.replace(me, netns="net:[77]", boot="before").is_here(proc)


def test_a_network_that_is_no_more_is_left_to_whoever_looks(proc):
    (proc / "78").mkdir()  # a process that is ending
    assert Owner(77, "4711", "b-1", "net:[88]").is_here(proc)


def test_a_network_with_a_name_is_there_without_any_process(proc, tmp_path, monkeypatch):
    named = tmp_path / "netns"
    named.mkdir()
    (named / "blue").touch()
    monkeypatch.setattr(owner, "NAMED", (named,))
    blue = f"net:[{(named / 'blue').stat().st_ino}]"
    assert not Owner(77, "4711", "b-1", blue).is_here(proc)


def test_who_may_not_see_all_processes_takes_every_network_for_there(proc, monkeypatch):
    def refuse(_):
        raise PermissionError

    there = Owner(77, "4711", "b-1", "net:[88]")
    monkeypatch.setattr(owner, "_in_use", refuse)
    assert not there.is_here(proc)


@pytest.mark.parametrize("fields", [{}, {"pid": "1", "start": "2", "boot": "3"}, {"pid": 1}])
def test_an_owner_of_another_kind_is_not_understood(fields):
    assert Owner.parse(fields) is None


def test_what_a_later_version_says_besides_does_not_matter():
    fields = {**dataclasses.asdict(Owner.current()), "host": "laptop"}
    assert Owner.parse(fields) == Owner.current()
    del fields["netns"]
    assert Owner.parse(fields) == dataclasses.replace(Owner.current(), netns="")


def test_without_proc_nobody_is_taken_for_alive(tmp_path):
    me = Owner.current(tmp_path)
    assert (me.start, me.boot, me.netns) == ("", "", "")
    assert not me.is_alive(tmp_path)
