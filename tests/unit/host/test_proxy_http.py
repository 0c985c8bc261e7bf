import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.host.proxied import pair

from ktconnect.host.proxy_http import parse_request, read_http
from ktconnect.host.proxy_reader import HandshakeError, Reader


def head(first: str, *lines: str) -> bytes:
    return "\r\n".join([first, *lines, "", ""]).encode("latin-1")


@pytest.mark.parametrize(
    ("authority", "host", "port"),
    [("web.shop:443", "web.shop", 443), ("[fd00::1]:80", "fd00::1", 80)],
)
def test_connect_names_where_to(authority, host, port):
    request = parse_request(head(f"CONNECT {authority} HTTP/1.1", f"Host: {authority}"))
    assert (request.host, request.port, request.head) == (host, port, b"")
    assert request.accepted == b"HTTP/1.1 200 Connected\r\n\r\n"


def test_an_absolute_request_is_rewritten_for_its_server():
    request = parse_request(
        head(
            "GET HTTP://web.shop:8080/a/b?c=d HTTP/1.1",
            "Host: somewhere.else",
            "Accept: */*",
            "Proxy-Connection: keep-alive",
            "Proxy-Authorization: Basic xyz",
            "Connection: keep-alive, X-Private",
            "X-Private: 1",
        )
    )
    assert (request.host, request.port, request.accepted) == ("web.shop", 8080, b"")
    assert request.head == head(
        "GET /a/b?c=d HTTP/1.1", "Host: web.shop:8080", "Accept: */*", "Connection: close"
    )


@pytest.mark.parametrize(
    ("first", "path"),
    [
        ("GET http://web HTTP/1.0", "GET / HTTP/1.0"),
        ("OPTIONS http://web HTTP/1.1", "OPTIONS * HTTP/1.1"),
        ("GET http://web?x HTTP/1.1", "GET /?x HTTP/1.1"),
        ("GET http://user:pass@web/ HTTP/1.1", "GET / HTTP/1.1"),
    ],
)
def test_odd_targets_become_right_paths(first, path):
    assert parse_request(head(first)).head == head(path, "Host: web", "Connection: close")


@pytest.mark.parametrize(
    ("lines", "length"),
    [
        ([], 0),
        (["content-length: 12"], 12),
        (["Content-Length: 12", "Transfer-Encoding: chunked"], None),
        (["Upgrade: websocket"], None),
    ],
)
def test_as_much_follows_as_the_request_says(lines, length):
    assert parse_request(head("POST http://web/ HTTP/1.1", *lines)).body == length


def test_an_upgrade_is_passed_on():
    lines = ["Connection: Upgrade", "Upgrade: websocket"]
    request = parse_request(head("GET http://web/chat HTTP/1.1", *lines))
    expected = ["Host: web", "Upgrade: websocket", "Connection: upgrade"]
    assert request.head == head("GET /chat HTTP/1.1", *expected)
    without = parse_request(head("GET http://web/chat HTTP/1.1", "Connection: upgrade"))
    assert without.head == head("GET /chat HTTP/1.1", "Host: web", "Connection: close")


@pytest.mark.parametrize(
    "data",
    [
        head("rubbish"),
        head("GET / HTTP/1.1"),
        head("GET https://web/ HTTP/1.1"),
        head("GET http:///x HTTP/1.1"),
        head("GET http://[::1/ HTTP/1.1"),
        head("GET http://web:70000/ HTTP/1.1"),
        head("CONNECT web HTTP/1.1"),
        head("CONNECT web:0 HTTP/1.1"),
        head("CONNECT user@web:80 HTTP/1.1"),
        head("PRI * HTTP/2.0"),
        head(f"CONNECT {'a' * 300}:80 HTTP/1.1"),
        head(f"GET http://{'a' * 300}/ HTTP/1.1"),
        head("GET http://web/ HTTP/1.1", "no header"),
        head("GET http://web/ HTTP/1.1", " folded: line"),
        head("GET http://web/ HTTP/1.1", "Content-Length: many"),
    ],
)
def test_what_is_no_proxy_request_is_told_so(data):
    with pytest.raises(HandshakeError) as caught:
        parse_request(data)
    assert caught.value.reply.startswith(b"HTTP/1.1 400 Bad Request\r\n")


@given(st.binary(max_size=60))
def test_no_bytes_raise_anything_but_a_handshake_error(data):
    for text in (data, b"GET http://" + data, b"GET http://web/ HTTP/1.1\r\n" + data):
        try:
            parse_request(text)
        except HandshakeError:
            pass


async def test_a_head_without_end_is_too_large():
    near, far = pair()
    with near, far:
        far.send(b"a" * 70000)
        with pytest.raises(HandshakeError) as caught:
            await read_http(Reader(near))
    assert b" 431 " in caught.value.reply


def test_a_refusal_says_why():
    request = parse_request(head("CONNECT web:80 HTTP/1.1"))
    assert b"504" in request.refused(TimeoutError())
    assert b"Connection refused" in request.refused(OSError(111, "Connection refused"))
    assert b"no address" in request.refused(OSError("no address"))
    assert b"without an answer" in request.refused(None)
