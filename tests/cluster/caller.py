"""Runs in a Pod, on the standard library: talks to a Service in one way; prints what came back.

caller.py http|tcp|udp|reset|bulk HOST PORT
"""

import json
import socket
import struct
import sys
import urllib.request

WITHIN = 20


def http(host, port):
    """Who answered."""
    host = f"[{host}]" if ":" in host else host
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://{host}:{port}/", timeout=WITHIN) as answer:
        return json.load(answer)["pod"]


def tcp(host, port):
    """Say something, say no more, and hear it to the end: half-close passes both ways."""
    with socket.create_connection((host, port), WITHIN) as sock:
        sock.sendall(b"hello")
        sock.shutdown(socket.SHUT_WR)
        heard = b""
        while data := sock.recv(100):
            heard += data
    return heard.decode()


def bulk(host, port):
    """Ten megabytes there and back."""
    sent = heard = 0
    block = bytes(65536)
    with socket.create_connection((host, port), WITHIN) as sock:
        for _ in range(160):
            sock.sendall(block)
            sent += len(block)
            wanted = sent
            while heard < wanted:
                heard += len(sock.recv(1 << 20)) or sys.exit("cut off")
    return heard


def reset(host, port):
    """Hear what was said, then break off: nothing is left behind at the other end."""
    with socket.create_connection((host, port), WITHIN) as sock:
        sock.sendall(b"hello")
        heard = sock.recv(100)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return heard.decode()


def udp(host, port):
    """Three messages, an empty and a large one among them: their lengths as they came back."""
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    heard = []
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(WITHIN)
        sock.connect(address)
        for data in (b"one", b"", b"x" * 8000):
            sock.send(data)
            heard.append(len(sock.recv(65535)))
    return heard


WAYS = {"http": http, "tcp": tcp, "udp": udp, "reset": reset, "bulk": bulk}

if __name__ == "__main__":
    way, where, number = sys.argv[1:]
    print(json.dumps(WAYS[way](where, int(number))))  # noqa: T201
