"""Asks for a page again and again until the first byte of an answer comes.

`firstbyte.py HOST PORT SECONDS` prints the monotonic time of that byte, in seconds.
"""

import socket
import sys
import time

CONNECT_WITHIN, ANSWER_WITHIN, PAUSE = 0.2, 1.0, 0.005
REQUEST = b"GET / HTTP/1.0\r\n\r\n"


def answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), CONNECT_WITHIN) as connection:
            connection.settimeout(ANSWER_WITHIN)
            connection.sendall(REQUEST)
            return connection.recv(1) != b""
    except OSError:
        return False


def wait(host: str, port: int, seconds: float) -> float:
    end = time.monotonic() + seconds
    while not answers(host, port):
        if time.monotonic() > end:
            raise TimeoutError(f"no byte from {host}:{port} within {seconds:.0f} s")
        time.sleep(PAUSE)
    return time.monotonic()


if __name__ == "__main__":
    sys.stdout.write(repr(wait(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))))
