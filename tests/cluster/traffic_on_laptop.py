"""Run on the laptop: ``traffic_on_laptop.py KIND=TARGET …``; one JSON line for each outcome.

``http`` and ``udp`` take ADDRESS:PORT and ask again and again, each time from a new port; ``flow``
is ``udp`` from one port for ever. ``name`` asks for a name. ``open`` and ``idle`` keep one
connection; what is told of it is how it ended. Ends with its standard input.
"""

import itertools
import json
import socket
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import dns.message
import dns.query
import dns.rcode

EVERY = 0.1
PATIENCE = 2.0
COUNTER = itertools.count()
FLOWS: dict[str, socket.socket] = {}


def tell(kind: str, target: str, began: float, problem: str) -> None:
    line = {"kind": kind, "target": target, "began": began, "ended": time.time()}
    sys.stdout.write(json.dumps(line | {"problem": problem}) + "\n")
    sys.stdout.flush()


def end_of(target: str) -> tuple[str, int]:
    host, _, port = target.rpartition(":")
    return host.strip("[]"), int(port)


def http(target: str) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    opener.open(f"http://{target}/", timeout=PATIENCE).read()


def udp(target: str) -> None:
    with datagrams_to(target) as sock:
        echo(sock)


def datagrams_to(target: str) -> socket.socket:
    host, port = end_of(target)
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(PATIENCE)
    sock.connect((host, port))
    return sock


def echo(sock: socket.socket) -> None:
    message = str(next(COUNTER)).encode()
    sock.send(message)
    while sock.recv(100) != message:  # a late answer to an earlier one
        continue


def flow(target: str) -> None:
    if target not in FLOWS:
        FLOWS[target] = datagrams_to(target)
    echo(FLOWS[target])


def name(target: str) -> None:
    lines = Path("/etc/resolv.conf").read_text().splitlines()
    server = next(line.split()[1] for line in lines if line.startswith("nameserver"))
    answer = dns.query.udp(dns.message.make_query(target, "A"), server, timeout=PATIENCE)
    if answer.rcode() != dns.rcode.NOERROR or not answer.answer:
        raise OSError(dns.rcode.to_text(answer.rcode()))


def ask(kind: str, action: Callable[[str], None], target: str) -> None:
    while True:
        began = time.time()
        try:
            action(target)
        except Exception as error:  # noqa: BLE001 - whatever it was is the outcome
            tell(kind, target, began, str(error) or type(error).__name__)
        else:
            tell(kind, target, began, "")
        time.sleep(EVERY)


def keep(kind: str, target: str) -> None:
    """Waits for ever on a connection: it is the laptop's kernel that must tell of its end."""
    began = time.time()
    try:
        sock = socket.create_connection(end_of(target))
        sock.sendall(b"x")
        while sock.recv(100):
            if kind == "idle":
                continue
            time.sleep(EVERY)
            sock.sendall(b"x")
    except OSError as error:
        tell(kind, target, began, type(error).__name__)
    else:
        tell(kind, target, began, "end of file")


def main() -> None:
    for order in sys.argv[1:]:
        kind, _, target = order.partition("=")
        asking = {"http": http, "udp": udp, "flow": flow, "name": name}.get(kind)
        work = (ask, (kind, asking, target)) if asking else (keep, (kind, target))
        threading.Thread(target=work[0], args=work[1], daemon=True).start()
    sys.stdin.read()


main()
