"""The shop's face: ``/`` a page, ``/api`` the same as JSON, with everybody who took part."""

import os
from html import escape

from rpc import call
from shop import Headers, Json, Reply, Request, ask_http, me, serve_http

CATALOG = os.environ.get("CATALOG", "catalog:9000")
CART = os.environ.get("CART", "http://cart")
STOCK = os.environ.get("STOCK", "http://stock")
CUSTOMER = "anna"


def look(marks: Headers) -> Json:
    """Ask everybody. Raises: OSError, ValueError."""
    catalog = call(CATALOG, "/shop.Catalog/List", marks)
    stock = ask_http(f"{STOCK}/", marks)
    cart = ask_http(f"{CART}/{CUSTOMER}", marks)
    products = [
        {**one, "left": stock["levels"][one["id"]], "in_cart": cart["items"].get(one["id"], 0)}
        for one in catalog["products"]
    ]
    return {"products": products, "answered": [me(), *map(_who, (catalog, stock, cart))]}


def _who(answer: Json) -> Json:
    return {key: answer[key] for key in ("service", "pod", "version", "transport") if key in answer}


def page(shop: Json) -> str:
    rows = "".join(
        f"<tr><td>{escape(one['name'])}<td>{one['cents'] / 100:.2f}"
        f"<td>{one['left']}<td>{one['in_cart']}"
        for one in shop["products"]
    )
    who = ", ".join(f"{one['service']} {one['version']}" for one in shop["answered"])
    return (
        "<!doctype html><title>A small shop</title><h1>A small shop</h1>"
        f"<table><tr><th>Product<th>Price<th>Left<th>In your cart{rows}</table>"
        f"<p>Answered by {escape(who)}.</p>\n"
    )


def answer(request: Request) -> Reply:
    match request.path:
        case "/":
            return Reply(page(look(request.marks)))
        case "/api":
            return Reply(look(request.marks))
        case "/who":
            return Reply({**me(), "marks": dict(request.marks)})
        case _:
            return Reply({**me(), "error": f"nothing at {request.path}"}, 404)


if __name__ == "__main__":
    serve_http(answer)
