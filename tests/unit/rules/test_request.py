import pytest

from ktconnect.rules.request import Request

SENT = Request(
    "POST",
    "/shop.Cart/Add",
    (("debug", "1"), ("x", "")),
    (
        ("accept", "a"),
        ("accept", "b"),
        ("cookie", "user=ann; theme=dark"),
        ("cookie", "user=bob"),
        ("content-type", "application/grpc+proto"),
    ),
)


def test_a_header_that_is_sent_twice_is_one_with_a_comma():
    assert SENT.header("accept") == "a,b"
    assert SENT.header("missing") is None


@pytest.mark.parametrize(("name", "value"), [("user", "ann"), ("theme", "dark"), ("no", None)])
def test_the_first_cookie_of_a_name_counts(name, value):
    assert SENT.cookie(name) == value


def test_a_parameter_may_have_no_value():
    assert SENT.parameter("x") == ""
    assert SENT.parameter("y") is None
    assert SENT.target == "/shop.Cart/Add?debug=1&x"


def test_only_what_has_its_content_type_is_a_call_of_grpc():
    assert SENT.grpc == "shop.Cart/Add"
    assert Request(path="/shop.Cart/Add").grpc == ""


def test_it_reads_as_a_person_would_write_it():
    assert str(Request(headers=(("version", "ci"),))) == "GET / [version: ci]"
    assert str(Request(host="shop.io", tls=True)) == "TLS to shop.io"
    assert str(Request(tls=True)) == "TLS to a server without name"
