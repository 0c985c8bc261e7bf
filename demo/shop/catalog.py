"""What the shop sells, by gRPC: ``/shop.Catalog/List``."""

from rpc import serve
from shop import Headers, Json

PORT = 9000
PRODUCTS = [
    {"id": "mug", "name": "Mug", "cents": 950},
    {"id": "lamp", "name": "Desk lamp", "cents": 3900},
    {"id": "chair", "name": "Chair", "cents": 12500},
]


def products(marks: Headers) -> Json:
    return {"products": PRODUCTS}


if __name__ == "__main__":
    serve("shop.Catalog", {"List": products}, PORT)
