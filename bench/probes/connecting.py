"""How long a TCP connection takes to open: `connecting.py HOST PORT COUNT` prints milliseconds."""

import json
import socket
import sys
import time

PATIENCE = 5


def once(host: str, port: int) -> float:
    began = time.perf_counter_ns()
    socket.create_connection((host, port), PATIENCE).close()
    return (time.perf_counter_ns() - began) / 1e6


if __name__ == "__main__":
    host, port, count = sys.argv[1:]
    json.dump([once(host, int(port)) for _ in range(int(count))], sys.stdout)
