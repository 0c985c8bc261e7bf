"""Run on the laptop: reach or ask for something as any program would; prints what came back.

probe.py http URL | tcp HOST PORT | udp HOST PORT | bulk HOST PORT BYTES
         dns NAME TYPE [SERVER] | names NAME… | closed HOST PORT
         overtakes SLOW_NAME FAST_NAME
"""

import hashlib
import json
import socket
import sys
import threading
import time
import urllib.request
from collections.abc import Callable

import dns.rdatatype
import dns.resolver

WITHIN = 12.0
SILENT = 6.0  # seconds after which nobody is taken to be there


def http(url):
    request = urllib.request.Request(url, headers={"Connection": "close"})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
        request, timeout=WITHIN
    ) as answer:
        return json.load(answer)


def tcp(host, port):
    """Say something, say no more, and hear it to the end: half-close passes both ways."""
    with socket.create_connection((host, int(port)), WITHIN) as sock:
        sock.sendall(b"hello")
        sock.shutdown(socket.SHUT_WR)
        heard = b""
        while data := sock.recv(100):
            heard += data
    return heard.decode()


def udp(host, port):
    """Three datagrams, an empty and a large one among them."""
    family, *_, address = socket.getaddrinfo(host, int(port), type=socket.SOCK_DGRAM)[0]
    heard = []
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(WITHIN)
        sock.connect(address)
        for data in (b"one", b"", b"x" * 8000):
            sock.send(data)
            heard.append(len(sock.recv(65535)))
    return heard


def bulk(host, port, count):
    """Send that many bytes and get them back, all at once; whether they are the same."""
    block = bytes(range(256)) * 256
    blocks = int(count) // len(block)
    with socket.create_connection((host, int(port)), WITHIN) as sock:
        sock.settimeout(60)

        def send():
            for _ in range(blocks):
                sock.sendall(block)
            sock.shutdown(socket.SHUT_WR)

        sending = threading.Thread(target=send)
        sending.start()
        heard, received = hashlib.sha256(), 0
        while data := sock.recv(1 << 18):
            heard.update(data)
            received += len(data)
        sending.join()
    sent = hashlib.sha256(block * blocks)
    return [received, sent.digest() == heard.digest()]


def closed(host, port):
    """How long a connection to a port where nobody listens takes to fail."""
    began = time.monotonic()
    try:
        with socket.create_connection((host, int(port)), SILENT) as sock:
            sock.settimeout(SILENT)
            ended = "end" if sock.recv(1) == b"" else "data"
    except OSError as error:
        ended = type(error).__name__
    return [ended, round(time.monotonic() - began, 2)]


def ask(name, kind, server=None, *, tcp=False):
    """The answer's records as text, or the name of the failure; the search list is not used."""
    resolver = dns.resolver.Resolver()
    resolver.lifetime = resolver.timeout = WITHIN
    if server:
        resolver.nameservers = [server]
    began = time.monotonic()
    found: list[str] | str
    try:
        answer = resolver.resolve(name, kind, search=False, tcp=tcp, raise_on_no_answer=False)
        found = sorted(
            f"{dns.rdatatype.to_text(rrset.rdtype)} {each.to_text()}"
            for rrset in answer.response.answer
            for each in rrset
        )
    except dns.exception.DNSException as error:
        found = type(error).__name__
    return {"found": found, "seconds": time.monotonic() - began}


def overtakes(slow, fast):
    """How many questions are answered while another one waits for its answer."""
    waiting = threading.Thread(target=ask, args=(slow, "A"))
    waiting.start()
    answered = 0
    while waiting.is_alive():
        found = ask(fast, "A")["found"]
        answered += waiting.is_alive() and isinstance(found, list)
    return answered


def names(*wanted):
    """What the C library makes of each name: its addresses, as `getent ahosts` would."""
    found: dict[str, list[str | int] | str] = {}
    for name in wanted:
        try:
            found[name] = sorted({info[4][0] for info in socket.getaddrinfo(name, 80)})
        except OSError as error:
            found[name] = str(error)
    return found


def dns_tcp(name, kind):
    return ask(name, kind, tcp=True)


KINDS: dict[str, Callable[..., object]] = {
    "http": http,
    "tcp": tcp,
    "udp": udp,
    "bulk": bulk,
    "closed": closed,
    "dns": ask,
    "dns-tcp": dns_tcp,
    "names": names,
    "overtakes": overtakes,
}

if __name__ == "__main__":
    try:
        result = KINDS[sys.argv[1]](*sys.argv[2:])
    except OSError as error:
        sys.exit(f"{type(error).__name__}: {error}")
    print(json.dumps(result))  # noqa: T201
