"""Answers with who it is and what it saw: HTTP (JSON), TCP and UDP echo. Stdlib only."""

import argparse
import json
import os
import signal
import socket
import socketserver
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

LARGEST_BODY = 1 << 20


def identity() -> dict[str, str]:
    """Who this is, as the Pod's environment says, else the machine's name."""
    host = socket.gethostname()
    return {
        "pod": os.environ.get("POD_NAME", host),
        "namespace": os.environ.get("POD_NAMESPACE", ""),
        "node": os.environ.get("NODE_NAME", ""),
        "version": os.environ.get("VERSION", ""),
        "hostname": host,
    }


class Web(BaseHTTPRequestHandler):
    """Answers every method and path alike; ``/status/404`` answers with that status."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle_one_request(self) -> None:
        self.do_GET = self.do_POST = self.do_PUT = self.do_PATCH = self.do_DELETE = self.answer
        self.do_HEAD = self.do_OPTIONS = self.answer
        super().handle_one_request()

    def answer(self) -> None:
        content = json.dumps(self.seen(), indent=1).encode() + b"\n"
        self.send_response(self.status())
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def seen(self) -> dict[str, object]:
        length = min(int(self.headers.get("Content-Length") or 0), LARGEST_BODY)
        return {
            **identity(),
            "client": self.client_address[0].removeprefix("::ffff:"),
            "method": self.command,
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": self.rfile.read(length).decode(errors="replace"),
        }

    def status(self) -> int:
        first, _, code = urlsplit(self.path).path.strip("/").partition("/")
        return int(code) if first == "status" and code.isdigit() else 200

    def log_message(self, format: str, *args: object) -> None:
        print(self.client_address[0], format % args, flush=True)


class TcpEcho(socketserver.BaseRequestHandler):
    """Sends back what it gets; ends its side when the other side has ended."""

    def handle(self) -> None:
        while data := self.request.recv(1 << 16):
            self.request.sendall(data)


class TcpServer(socketserver.ThreadingTCPServer):
    address_family = socket.AF_INET6
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 1024


class WebServer(ThreadingHTTPServer):
    address_family = socket.AF_INET6
    request_queue_size = 1024


def echo_datagrams(sock: socket.socket) -> None:
    while True:
        data, sender = sock.recvfrom(1 << 16)
        sock.sendto(data, sender)


def udp_socket(port: int) -> socket.socket:
    """A socket for both families."""
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    sock.bind(("::", port))
    return sock


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--http", type=int, default=8080)
    parser.add_argument("--tcp", type=int, default=8081)
    parser.add_argument("--udp", type=int, default=8080)
    chosen = parser.parse_args()
    web = WebServer(("::", chosen.http), Web)
    tcp = TcpServer(("::", chosen.tcp), TcpEcho)
    udp = udp_socket(chosen.udp)
    threading.Thread(target=tcp.serve_forever, daemon=True).start()
    threading.Thread(target=echo_datagrams, args=[udp], daemon=True).start()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # as PID 1 it would be ignored
    print(f"ready: http {chosen.http}, tcp {chosen.tcp}, udp {chosen.udp}", flush=True)
    web.serve_forever()


if __name__ == "__main__":
    main()
