"""Sends and receives as fast as it goes, and counts what arrived within a window of time.

`bulk.py serve PORT` is the other side, in the Pod.
`bulk.py HOST PORT down|up STREAMS WARM-UP SECONDS` prints the bytes of all streams as JSON.

Each stream begins with a line that tells the server the way and both times. Bytes are counted
where they arrive: by us, or by the server, which then says so with a line. Nobody closes a
connection while bytes are on their way to him: `kubectl port-forward` gives up all its connections
when one is reset, which iperf3 does at the end of every upload.
"""

import json
import select
import socket
import sys
import threading
import time

CHUNK = 256 * 1024
PATIENCE = 20
LINGER = 0.3  # seconds that a download goes on after the time it was asked for
Window = tuple[float, float]  # seconds that don't count, seconds that do


def counted(connection: socket.socket, window: Window) -> int:
    """Bytes that arrive within the window; returns at its end, or at end of file."""
    buffer, total = bytearray(CHUNK), 0
    connection.recv_into(buffer, 1)
    begin = time.monotonic() + window[0]
    while time.monotonic() < begin + window[1] and (size := connection.recv_into(buffer)):
        total += size if time.monotonic() >= begin else 0
    return total


def drain(connection: socket.socket, patience: float = PATIENCE) -> None:
    """Read to the end of file, but not for ever: what buffers much has much to send."""
    buffer, end = bytearray(CHUNK), time.monotonic() + patience
    while time.monotonic() < end and connection.recv_into(buffer):
        pass


# -- the laptop's side ------------------------------------------------------------------------


def stream(address: tuple[str, int], way: str, window: Window) -> int:
    with socket.create_connection(address, PATIENCE) as connection:
        connection.sendall(f"{way} {window[0]} {window[1]}\n".encode())
        if way == "up":
            total = send_until_told(connection)
            connection.shutdown(socket.SHUT_WR)
        else:
            total = counted(connection, window)
        drain(connection, 2)
        return total


def send_until_told(connection: socket.socket) -> int:
    chunk = bytes(CHUNK)
    while not select.select([connection], [], [], 0)[0]:
        connection.send(chunk)
    return int(first_line(connection))


def together(address: tuple[str, int], way: str, streams: int, window: Window) -> int:
    """Bytes of all streams. Raises: ConnectionError if one of them failed."""
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(stream(address, way, window)))
        for _ in range(streams)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(found) < streams:
        raise ConnectionError(f"{streams - len(found)} of {streams} streams failed")
    return sum(found)


# -- the Pod's side ---------------------------------------------------------------------------


def answer(connection: socket.socket) -> None:
    """Serve one stream. Closes: the connection."""
    with connection:
        way, *times = first_line(connection).split()
        window = (float(times[0]), float(times[1]))
        if way == "down":
            send_for(connection, sum(window) + LINGER)
        else:
            connection.sendall(f"{counted(connection, window)}\n".encode())
            drain(connection)


def first_line(connection: socket.socket) -> str:
    line = b""
    while not line.endswith(b"\n") and (more := connection.recv(1)):
        line += more
    return line.decode()


def send_for(connection: socket.socket, seconds: float) -> None:
    chunk, end = bytes(CHUNK), time.monotonic() + seconds
    while time.monotonic() < end:
        connection.send(chunk)


def serve(port: int) -> None:
    with socket.create_server(("0.0.0.0", port)) as server:
        while True:
            connection, _ = server.accept()
            threading.Thread(target=answer, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(int(sys.argv[2]))
    host, port, way, streams, warm_up, seconds = sys.argv[1:]
    where, window = (host, int(port)), (float(warm_up), float(seconds))
    json.dump(together(where, way, int(streams), window), sys.stdout)
