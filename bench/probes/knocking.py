"""New connections, each with one small HTTP request, as many as go or at a fixed rate.

`knocking.py HOST PORT AT-ONCE SECONDS RATE` prints JSON: connections answered and failed, the
seconds it took, and the milliseconds of each answered one. RATE 0 is as fast as it goes.
"""

import itertools
import json
import socket
import sys
import threading
import time

REQUEST = b"GET / HTTP/1.0\r\n\r\n"
PATIENCE = 10
PAGE = 100  # bytes
Address = tuple[str, int]


class Knocks:
    """What all threads found."""

    def __init__(self, address: Address, rate: float) -> None:
        self.address = address
        self.times: list[float] = []
        self.failed = 0
        self._rate = rate
        self._number = itertools.count()
        self._began = time.perf_counter()

    def until(self, end: float) -> None:
        """One after the other, each at its time."""
        while True:
            due = self._began + next(self._number) / self._rate if self._rate else 0.0
            if (wait := due - time.perf_counter()) > 0:
                time.sleep(wait)
            if time.perf_counter() >= end:
                return
            self._once()

    def _once(self) -> None:
        began = time.perf_counter()
        try:
            good = answered(self.address)
        except OSError:
            good = False
        if good:
            self.times.append((time.perf_counter() - began) * 1e3)
        else:
            self.failed += 1


def answered(address: Address) -> bool:
    """Whether a page comes, whole. Raises: OSError."""
    with socket.create_connection(address, PATIENCE) as connection:
        connection.sendall(REQUEST)
        answer = b""
        while more := connection.recv(4096):
            answer += more
    return len(answer.partition(b"\r\n\r\n")[2]) == PAGE


def main(address: Address, at_once: int, seconds: float, rate: float) -> dict[str, object]:
    knocks, began = Knocks(address, rate), time.perf_counter()
    threads = [
        threading.Thread(target=knocks.until, args=(began + seconds,)) for _ in range(at_once)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = time.perf_counter() - began
    return {"failed": knocks.failed, "seconds": taken, "times": sorted(knocks.times)}


if __name__ == "__main__":
    host, port, at_once, seconds, rate = sys.argv[1:]
    json.dump(main((host, int(port)), int(at_once), float(seconds), float(rate)), sys.stdout)
