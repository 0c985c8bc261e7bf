import dataclasses
import json

import pytest
from tests.unit.background.processes import dead, process

from ktconnect.apply.owner import Owner
from ktconnect.background import home
from ktconnect.background.process import Process, processes
from ktconnect.errors import HostError


def files(kt_home):
    return sorted(path.name for path in kt_home.rglob("*") if path.is_file())


def test_what_is_written_is_read_again(kt_home):
    ours = process(sessions=("kt-exchange-web",), log="/some.log")
    ours.announce()
    assert processes() == [ours]
    assert ours.pid_file.read_text() == f"{ours.owner.pid}\n"
    ours.withdraw()
    assert processes() == []
    assert files(kt_home) == []


def test_it_has_the_name_of_its_session_once_it_has_one():
    early, ready = process(), process(sessions=("kt-exchange-web", "kt-exchange-api"))
    assert early.name == f"exchange-{early.owner.pid}"
    assert ready.name == "kt-exchange-web"
    for name in ("kt-exchange-api", ready.key, str(ready.owner.pid)):
        assert ready.is_called(name)
    assert not ready.is_called("kt-exchange")


def test_each_of_its_sessions_is_about_what_that_one_told():
    both = process(sessions=("a", "b"), targets=("shop/web", ""))
    assert both.target_of("a") == "shop/web"
    assert both.target_of("b") == both.target_of("") == both.target
    assert Process.parse(json.dumps(dataclasses.asdict(both))) == both


def test_what_dead_ones_left_is_swept(kt_home):
    dead().announce()
    assert processes() == []
    assert files(kt_home) == []


def test_a_later_process_with_the_same_id_is_not_taken_for_it(kt_home):
    now = Owner.current()
    process(dataclasses.replace(now, start="1")).announce()
    assert processes() == []
    assert files(kt_home) == []


def test_of_another_network_a_dead_one_is_left_alone_as_it_may_be_another_machines(kt_home):
    elsewhere = dead()
    owner = dataclasses.replace(elsewhere.owner, netns="net:[1]")
    dataclasses.replace(elsewhere, owner=owner).announce()
    assert processes() == []
    assert len(files(kt_home)) == 2


def test_pid_files_of_kt_connect_go_with_their_process(kt_home):
    alive = process().owner.pid
    for name in (f"connect-{alive}.pid", "connect-999999999.pid", "odd.pid"):
        (home.make(home.pids()) / name).write_text("0")
    processes()
    assert files(kt_home) == [f"connect-{alive}.pid", "odd.pid"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"owner": 1}', '{"owner": {"pid": 1}}', "{"])
def test_what_is_no_record_is_removed(kt_home, text):
    path = home.make(home.runs()) / "exchange-1.json"
    path.write_text(text)
    with pytest.raises(ValueError):  # noqa: PT011 - whatever the JSON parser says
        Process.parse(text)
    assert processes() == []
    assert not path.exists()


def test_files_that_cannot_be_read_are_named(kt_home):
    home.make(home.runs()).joinpath("exchange-1.json").mkdir()
    with pytest.raises(HostError, match=r"exchange-1\.json can't be used"):
        processes()
