"""One byte there and back on one open connection, every two milliseconds.

`pingpong.py HOST PORT SECONDS` prints the round trips as a JSON list of milliseconds.
"""

import json
import socket
import sys
import time

EVERY = 0.002
PATIENCE = 20


def round_trips(host: str, port: int, seconds: float) -> list[float]:
    found = []
    with socket.create_connection((host, port), PATIENCE) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _once(connection)  # the first one also opens the way
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            found.append(_once(connection))
            time.sleep(EVERY)
    return found


def _once(connection: socket.socket) -> float:
    began = time.perf_counter_ns()
    connection.send(b"x")
    if connection.recv(1) != b"x":
        raise ConnectionError("the answer did not come")
    return (time.perf_counter_ns() - began) / 1e6


if __name__ == "__main__":
    host, port, seconds = sys.argv[1:]
    json.dump(round_trips(host, int(port), float(seconds)), sys.stdout)
