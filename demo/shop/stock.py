"""How many are left: one datagram ``mug`` is answered by one ``mug 12 <pod>``; also by HTTP."""

import socket
import threading

from shop import Reply, Request, me, serve_http

UDP_PORT = 7000
LEVELS = {"mug": 12, "lamp": 3, "chair": 0}


def answer(request: Request) -> Reply:
    """``/`` all levels, ``/mug`` one of them."""
    product = request.path.strip("/")
    if product and product not in LEVELS:
        return Reply({**me(), "error": f"no product {product}"}, 404)
    levels = {product: LEVELS[product]} if product else LEVELS
    return Reply({"levels": levels, **me()})


def serve_datagrams() -> None:
    dual = socket.has_dualstack_ipv6()
    with socket.socket(socket.AF_INET6 if dual else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        if dual:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind(("", UDP_PORT))
        while True:
            question, peer = sock.recvfrom(512)
            product = question.decode("ascii", "replace").strip()
            sock.sendto(f"{product} {LEVELS.get(product, -1)} {me()['pod']}\n".encode(), peer)


if __name__ == "__main__":
    threading.Thread(target=serve_datagrams, daemon=True).start()
    serve_http(answer)
