from tests.unit.tunnel.ends import paper_link, read_all, tcp_pair, until

from ktconnect.tunnel.member import End, Side
from ktconnect.tunnel.stream import Stream
from ktconnect.tunnel.tuning import reset_on_close
from ktconnect.wire.frames import Kind, encode, encode_number
from ktconnect.wire.reasons import Reason


async def test_what_comes_before_the_socket_is_kept_for_it():
    link, _, _ = paper_link()
    stream = Stream(link, 1)
    link.data_received(memoryview(encode(Kind.DATA, 1, b"early") + encode(Kind.EOF, 1)))
    application, local = tcp_pair()
    with application:
        stream.attach(local)
        assert await read_all(application) == b"early"
        link.close()


async def test_an_end_that_came_before_the_socket_is_passed_on_to_it():
    link, _, _ = paper_link()
    stream = Stream(link, 1)
    link.data_received(memoryview(encode(Kind.EOF, 1)))
    application, local = tcp_pair()
    with application:
        stream.attach(local)
        assert await read_all(application) == b""
        link.close()


async def test_the_end_of_the_link_is_told_apart_from_a_reset():
    link, _, _ = paper_link()
    stream, ended = Stream(link, 1), list[End]()
    stream.on_end = ended.append
    link.close()
    assert ended == [End(Side.LINK, Reason.ECONNABORTED)]


async def test_the_end_before_the_socket_is_told():
    link, _, _ = paper_link()
    stream, ended = Stream(link, 1), list[End]()
    stream.on_end = ended.append
    link.data_received(memoryview(encode(Kind.DATA, 1, b"x") + encode_number(Kind.RESET, 1, 104)))
    assert ended == [End(Side.THERE, 104)]
    assert link.budget.held == 0


async def test_data_for_a_local_side_that_has_just_gone_resets_the_peer():
    link, pipe, _ = paper_link()
    application, local = tcp_pair()
    Stream(link, 1).attach(local)
    reset_on_close(application)
    application.close()
    link.data_received(memoryview(encode(Kind.DATA, 1, b"hello?")))
    link.data_received(memoryview(encode(Kind.DATA, 1, b"anybody?")))
    await until(lambda: pipe.frames)
    assert [kind for kind, _, _ in pipe.frames] == [Kind.RESET]
    assert link.streams == 0


async def test_an_end_of_file_for_a_local_side_that_has_just_gone_is_no_error():
    link, pipe, _ = paper_link()
    application, local = tcp_pair()
    Stream(link, 1).attach(local)
    reset_on_close(application)
    application.close()
    link.data_received(memoryview(encode(Kind.EOF, 1)))
    await until(lambda: pipe.frames)
    assert [kind for kind, _, _ in pipe.frames] == [Kind.RESET]
