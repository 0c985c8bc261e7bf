import os
import pty
import signal

from ktconnect.cli.lasting import LastingStream


def test_a_stream_outlives_its_reader_and_asks_the_process_to_end():
    asked = []
    before = signal.signal(signal.SIGTERM, lambda *_: asked.append(True))
    read, write = os.pipe()
    try:
        with os.fdopen(write, "w") as pipe:
            stream = LastingStream(pipe)
            assert not stream.isatty()
            os.close(read)
            assert stream.write("lost") == 4
            assert stream.write("lost too") == 8
        assert asked == [True]
        assert stream.fileno() == -1
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_terminal_is_recognised_through_the_stream():
    master, slave = pty.openpty()
    with os.fdopen(slave, "w") as terminal:
        assert LastingStream(terminal).isatty()
    os.close(master)
