"""What all services of the shop share: who I am, answering HTTP, and asking each other.

Every answer tells who gave it, and the headers that mark a request travel with it from service to
service, so that routing by header can be seen at work.
"""

import json
import os
import socket
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PASSED_ON = ("version", "x-virtual-env", "traceparent", "tracestate", "baggage", "x-request-id")
HTTP_PORT = int(os.environ.get("PORT", "8080"))
TIMEOUT_SECONDS = 5
Json = Any
Headers = Mapping[str, str]


def me() -> dict[str, str]:
    """Who answers."""
    return {
        "service": os.environ.get("SERVICE", "?"),
        "pod": socket.gethostname(),
        "version": os.environ.get("VERSION", "v1"),
    }


@dataclass(frozen=True)
class Request:
    """method, path without query, and the headers to pass on to whoever is asked for it."""

    method: str
    path: str
    marks: Headers


@dataclass(frozen=True)
class Reply:
    """A body that is text goes out as HTML, anything else as JSON."""

    body: Json
    status: int = 200


Answer = Callable[[Request], Reply]


class Server(ThreadingHTTPServer):
    """On IPv4 and, where there is one, on IPv6."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, handler: type[BaseHTTPRequestHandler]) -> None:
        dual = socket.has_dualstack_ipv6()
        self.address_family = socket.AF_INET6 if dual else socket.AF_INET
        super().__init__(("::" if dual else "0.0.0.0", port), handler)

    def server_bind(self) -> None:
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


def serve_http(answer: Answer, port: int = HTTP_PORT) -> None:
    """Answer requests until the process ends. ``/healthz`` is answered here."""
    Server(port, _handler(answer)).serve_forever()


def _handler(answer: Answer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_method(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            path = self.path.partition("?")[0]
            marks = {name: self.headers[name] for name in PASSED_ON if name in self.headers}
            try:
                reply = Reply(me())
                if path != "/healthz":
                    reply = answer(Request(self.command, path, marks))
            except (OSError, ValueError) as error:
                reply = Reply({**me(), "error": f"{type(error).__name__}: {error}"}, 502)
            self.send(reply)

        do_GET = do_POST = do_DELETE = handle_method  # noqa: N815

        def send(self, reply: Reply) -> None:
            is_page = isinstance(reply.body, str)
            body = (reply.body if is_page else json.dumps(reply.body, indent=1) + "\n").encode()
            self.send_response(reply.status)
            self.send_header("Content-Type", "text/html" if is_page else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            if self.path != "/healthz":
                super().log_message(format, *args)

    return Handler


def ask_http(url: str, marks: Headers, method: str = "GET") -> Json:
    """The JSON that another service answers. Raises: OSError, ValueError."""
    request = urllib.request.Request(url, method=method, headers=dict(marks))
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
        return json.load(answer)
