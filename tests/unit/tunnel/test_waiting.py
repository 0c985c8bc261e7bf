from ktconnect.tunnel.waiting import LIMIT, Datagrams


def test_as_many_as_fit_are_packed_together_in_their_order():
    waiting, buffer = Datagrams(), bytearray(20)
    for frame in (b"one", b"three", b"four"):
        assert waiting.add(frame)
    assert waiting.pack(buffer, 2, 9) == 8
    assert buffer[2:10] == b"onethree"
    assert waiting.size == 4
    assert waiting.pack(buffer, 0, 9) == 4
    assert not waiting
    assert waiting.pack(buffer, 0, 9) == 0


def test_there_is_room_for_so_many_bytes_and_more_is_dropped():
    waiting = Datagrams()
    assert waiting.add(bytes(LIMIT))
    assert not waiting.add(b"x")
    waiting.clear()
    assert waiting.add(b"x")
    assert waiting.size == 1
