from ktconnect.kube.channels import Channels
from ktconnect.kube.frames import Failed


def heard(channels: Channels, message: bytes, *, first: bool = True) -> list[object]:
    events = channels.receive(memoryview(message), first=first)
    return [bytes(event) if isinstance(event, memoryview) else event for event in events]


def test_nothing_has_to_be_said_to_open():
    assert Channels().opening() == b""


def test_the_channel_is_written_in_front_of_the_payload():
    buffer = bytearray(b"\xff" * 32) + b"hello"
    start = Channels().put_header(buffer, 32, 37)
    assert bytes(buffer[start:]) == b"\0hello"


def test_the_first_message_of_each_channel_is_only_the_port():
    channels = Channels()
    assert heard(channels, b"\0\x9e\x1b") == []
    assert heard(channels, b"\1\x9e\x1b") == []
    assert heard(channels, b"\0data") == [b"data"]
    assert heard(channels, b"\1refused") == [Failed("refused")]


def test_a_port_and_data_may_share_a_message():
    assert heard(Channels(), b"\0\x9e\x1bdata") == [b"data"]


def test_fragments_belong_to_the_channel_of_their_message():
    channels = Channels()
    assert heard(channels, b"\0\x9e") == []
    assert heard(channels, b"\x1b12", first=False) == [b"12"]
    assert heard(channels, b"34", first=False) == [b"34"]


def test_empty_messages_and_other_channels_are_passed_over():
    channels = Channels()
    assert heard(channels, b"") == []
    assert heard(channels, b"\2\0\0what") == []
