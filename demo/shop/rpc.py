"""gRPC with JSON messages; plain HTTP on the same port where Python has no gRPC.

gRPC leaves the form of messages to the two ends (protobuf is only the usual one), so no code has
to be generated. An image without ``grpc`` (``python:3-alpine``) does the same calls by HTTP POST
of JSON, and every answer says which one it was.
"""

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from shop import TIMEOUT_SECONDS, Headers, Json, Reply, Request, ask_http, me, serve_http

try:
    import grpc
except ImportError:
    grpc = None

TRANSPORT = "grpc" if grpc else "http (no gRPC in this image)"
Method = Callable[[Headers], Json]


def _to_bytes(message: Json) -> bytes:
    return json.dumps(message).encode()


def call(address: str, method: str, marks: Headers) -> Json:
    """Call ``/shop.Catalog/List`` or the like at ``host:port``. Raises: OSError."""
    if grpc is None:
        return ask_http(f"http://{address}{method}", marks, "POST")
    with grpc.insecure_channel(address) as channel:
        stub = channel.unary_unary(method, _to_bytes, json.loads)
        try:
            return stub({}, timeout=TIMEOUT_SECONDS, metadata=list(marks.items()))
        except grpc.RpcError as error:
            raise OSError(f"{address}: {error.code().name}: {error.details()}") from error


def serve(service: str, methods: Mapping[str, Method], port: int) -> None:
    """Serve ``methods`` (by name) of ``service`` until the process ends."""
    if grpc is None:
        _serve_http(service, methods, port)
        return
    server = grpc.server(ThreadPoolExecutor(16))
    handlers = {name: _handler(method) for name, method in methods.items()}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    server.add_insecure_port(f"[::]:{port}")
    server.start()
    server.wait_for_termination()


def _handler(method: Method) -> object:
    def run(message: Json, context: "grpc.ServicerContext") -> Json:
        marks = {key: value for key, value in context.invocation_metadata() if "-bin" not in key}
        return {**method(marks), **me(), "transport": TRANSPORT}

    return grpc.unary_unary_rpc_method_handler(run, json.loads, _to_bytes)


def _serve_http(service: str, methods: Mapping[str, Method], port: int) -> None:
    def answer(request: Request) -> Reply:
        name = request.path.removeprefix(f"/{service}/")
        if name not in methods:
            return Reply({"error": f"no method {request.path}"}, 404)
        return Reply({**methods[name](request.marks), **me(), "transport": TRANSPORT})

    serve_http(answer, port)
