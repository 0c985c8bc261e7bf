import pytest

from ktconnect.errors import UsageError
from ktconnect.modes.explain.spec import Asked, parse_service, request_of


def test_a_service_may_have_a_port():
    wanted, port = parse_service("service/web:http")
    assert (wanted.name, port) == ("web", "http")
    assert parse_service("web")[1] == ""
    with pytest.raises(UsageError, match="names no port"):
        parse_service("web:")


def test_without_flags_it_is_the_plainest_request():
    request = request_of(Asked())
    assert (request.method, request.target, request.headers) == ("GET", "/", ())


def test_flags_make_up_a_request():
    request = request_of(
        Asked("post", "/api?a=1", ("VERSION: ci", "Host: shop.io"), ("b=2", "c"), ("u=ann", "t=1"))
    )
    assert request.method == "POST"
    assert request.target == "/api?a=1&b=2&c"
    assert request.headers == (("version", "ci"), ("cookie", "u=ann; t=1"))
    assert request.host == "shop.io"
    assert request_of(Asked(headers=("Host: a",), host="b", tls=True)).host == "b"


def test_a_method_of_grpc_is_a_path():
    request = request_of(Asked(grpc="shop.Cart/Add"))
    assert (request.method, request.path, request.grpc) == (
        *("POST", "/shop.Cart/Add", "shop.Cart/Add"),
    )


@pytest.mark.parametrize(
    "asked",
    [
        Asked(path="api"),
        Asked(headers=("VERSION ci",)),
        Asked(headers=("a b: c",)),
        Asked(headers=("a: b\nc: d",)),
        Asked(cookies=("user",)),
        Asked(queries=("a=b c",)),
        Asked(grpc="shop.Cart"),
        Asked(grpc="shop.Cart/Add/x"),
    ],
)
def test_what_can_not_be_sent_is_refused(asked):
    with pytest.raises(UsageError):
        request_of(asked)
