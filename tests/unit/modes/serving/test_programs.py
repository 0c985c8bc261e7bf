from dataclasses import replace

import pytest
from tests.unit.modes.reporting import Remembering

from ktconnect.modes.report import Status
from ktconnect.modes.serving.programs import Programs, absence, fate_of, place
from ktconnect.objects.ports import PortMap
from ktconnect.tunnel.answer import CallRecord
from ktconnect.wire.call import Call
from ktconnect.wire.target import Target

HERE, OTHER = Target("tcp", "127.0.0.1", 8080), Target("unix", "/run/app.sock", 0)
UDP = Target("udp", "127.0.0.1", 53)
MADE = Call("tcp", 80, "10.244.0.7", 41234)
REFUSED = CallRecord(MADE, HERE, 0.1, 0, 0, "", refusal="connection refused")
TAKEN = replace(REFUSED, refusal="", taken=True)
UNKNOWN = replace(REFUSED, refusal="")


class World:
    """Which programs listen, and what a session says of them."""

    def __init__(self):
        self.listening: set[Target] = set()
        self.programs = Programs(lambda target: target in self.listening)
        self.reporter = Remembering()

    def tell(self):
        self.programs.tell(self.reporter, lambda target: f"fate of {place(target)}")
        told = [*self.reporter.warnings, *self.reporter.notes]
        self.reporter.warnings, self.reporter.notes = [], []
        return told

    def shown(self):
        return self.programs.shown(Status("up"))


@pytest.fixture
def world():
    return World()


def test_each_change_is_told_once(world):
    assert world.tell() == []
    for _ in range(3):
        world.programs.ended(REFUSED)
    gone = ("nothing listens on 127.0.0.1:8080", "fate of 127.0.0.1:8080")
    assert world.tell() == [gone]
    assert world.tell() == []
    assert (world.shown().reason, world.shown().silent) == (gone[0], ("127.0.0.1:8080",))
    world.programs.ended(TAKEN)
    assert world.tell() == ["a program listens on 127.0.0.1:8080: calls come to it"]
    assert world.reporter.settled == [gone[0]]
    assert world.tell() == []
    assert world.shown() == Status("up")
    world.programs.ended(REFUSED)
    assert world.tell() == [gone]


def test_who_listens_again_is_seen_before_anybody_calls(world):
    world.programs.refused(HERE, "connection refused")
    world.tell()
    world.listening.add(HERE)
    assert world.tell() == ["a program listens on 127.0.0.1:8080: calls come to it"]


def test_who_is_seen_and_refuses_is_believed_by_a_call_alone(world):
    world.listening.add(HERE)
    world.programs.refused(HERE, "connection refused")
    assert len(world.tell()) == 1
    assert world.tell() == []
    assert world.shown().silent
    world.programs.reached(HERE)
    assert len(world.tell()) == 1


def test_ends_that_say_nothing_of_the_program_change_nothing(world):
    world.programs.ended(UNKNOWN)
    assert world.tell() == []
    world.programs.ended(REFUSED)
    world.programs.ended(UNKNOWN)
    assert len(world.tell()) == 1
    assert world.shown().silent


def test_datagrams_tell_nothing(world):
    world.programs.refused(UDP, "connection refused")
    assert world.tell() == []


def test_several_programs_are_told_apart(world):
    world.programs.refused(OTHER, "no such file or directory")
    world.programs.refused(HERE, "it does not answer")
    first, second = world.tell()
    assert first[0] == "nothing listens on /run/app.sock"
    assert second[0] == "127.0.0.1:8080 takes no calls: it does not answer"
    assert world.programs.shown(Status("down", "the tunnel")).reason == "the tunnel"
    assert len(world.shown().silent) == 2


def test_a_place_is_shown_without_its_kind():
    assert (place(HERE), place(OTHER)) == ("127.0.0.1:8080", "/run/app.sock")
    assert absence(OTHER, "permission denied") == "/run/app.sock takes no calls: permission denied"


def test_what_becomes_of_calls_is_what_the_agent_does():
    ports = (PortMap("tcp", 80, 8080, target=HERE), PortMap("tcp", 81, 8081, target=OTHER))
    origins = {ports[0]: "10.96.0.9:80"}
    assert "original" in fate_of(HERE, "exchange", ports, origins)
    assert "turned away" in fate_of(OTHER, "exchange", ports, origins)
    assert "turned away" in fate_of(HERE, "preview", ports, {})
    assert "copies are dropped" in fate_of(HERE, "mirror", ports, origins)
