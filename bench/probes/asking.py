"""HTTP/1.1 requests on one open connection, every two milliseconds.

`asking.py HOST PORT SECONDS` prints the milliseconds of each as a JSON list. Where the server ends
the connection after so many requests, as it may, the next one goes on a new one and doesn't count.
"""

import http.client
import json
import sys
import time

EVERY = 0.002
PATIENCE = 20


def times(host: str, port: int, seconds: float) -> list[float]:
    found: list[float] = []
    connection = http.client.HTTPConnection(host, port, timeout=PATIENCE)
    end = time.perf_counter() + seconds
    try:
        while time.perf_counter() < end:
            fresh = connection.sock is None
            taken = _once(connection)
            if not fresh:
                found.append(taken)
            time.sleep(EVERY)
    finally:
        connection.close()
    return found


def _once(connection: http.client.HTTPConnection) -> float:
    began = time.perf_counter_ns()
    connection.request("GET", "/")
    answer = connection.getresponse()
    answer.read()
    if answer.status != http.client.OK:
        raise ConnectionError(f"answered with status {answer.status}")
    return (time.perf_counter_ns() - began) / 1e6


if __name__ == "__main__":
    host, port, seconds = sys.argv[1:]
    json.dump(times(host, int(port), float(seconds)), sys.stdout)
