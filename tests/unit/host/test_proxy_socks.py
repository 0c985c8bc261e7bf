import errno

import pytest
from tests.unit.host.proxied import pair

from ktconnect.host.proxy_reader import HandshakeError, Reader
from ktconnect.host.proxy_request import ProxyRequest
from ktconnect.host.proxy_socks import read_socks4, read_socks5

HELLO = b"\5\1\0"


async def shake(data: bytes, version: int = 5) -> tuple[ProxyRequest, bytes]:
    """What the client asked for, and what it was told meanwhile."""
    near, far = pair()
    said = bytearray()

    async def say(data: bytes) -> None:
        said.extend(data)

    with near, far:
        far.send(data)
        reader = Reader(near)
        request = await (read_socks5(reader, say) if version == 5 else read_socks4(reader))
        return request, bytes(said)


@pytest.mark.parametrize(
    ("address", "host"),
    [
        (b"\1\x0a\x60\0\1", "10.96.0.1"),
        (b"\3\x08web.shop", "web.shop"),
        (b"\4\xfd" + bytes(14) + b"\1", "fd00::1"),
    ],
)
async def test_socks5_connects_to_every_kind_of_address(address, host):
    request, said = await shake(HELLO + b"\5\1\0" + address + b"\x1f\x90")
    assert (request.host, request.port, request.head) == (host, 8080, b"")
    assert said == b"\5\0"
    assert request.accepted == b"\5\0\0\1" + bytes(6)


@pytest.mark.parametrize(
    ("data", "reply"),
    [
        (b"\5\1\2", b"\5\xff"),
        (HELLO + b"\5\3\0\1" + bytes(6), b"\5\7\0\1" + bytes(6)),
        (HELLO + b"\5\1\0\5" + bytes(6), b"\5\x08\0\1" + bytes(6)),
        (HELLO + b"\5\1\0\3\0" + bytes(6), b"\5\1\0\1" + bytes(6)),
        (HELLO + b"\5\1\0\3\2\xc3\xbc\0\x50", b"\5\1\0\1" + bytes(6)),
        (HELLO + b"\5\1\0\3\3a b\0\x50", b"\5\1\0\1" + bytes(6)),
    ],
)
async def test_socks5_tells_what_it_can_not_do(data, reply):
    with pytest.raises(HandshakeError) as caught:
        await shake(data)
    assert caught.value.reply == reply


@pytest.mark.parametrize(
    ("number", "code"),
    [(errno.ECONNREFUSED, 5), (errno.ENETUNREACH, 3), (errno.EHOSTUNREACH, 4), (errno.EIO, 1)],
)
async def test_socks5_tells_why_a_connection_failed(number, code):
    request, _ = await shake(HELLO + b"\5\1\0\1\x0a\x60\0\1\0\x50")
    assert request.refused(OSError(number, "no"))[1] == code
    assert request.refused(None)[1] == 1


async def test_socks4_connects_to_an_address():
    request, _ = await shake(b"\4\1\0\x50\x0a\x60\0\1somebody\0", 4)
    assert (request.host, request.port) == ("10.96.0.1", 80)
    assert request.accepted == b"\0\x5a" + bytes(6)
    assert request.refused(None) == b"\0\x5b" + bytes(6)


async def test_socks4a_connects_to_a_name():
    request, _ = await shake(b"\4\1\0\x50\0\0\0\1\0web.shop\0", 4)
    assert request.host == "web.shop"


@pytest.mark.parametrize("data", [b"\4\2\0\x50\x0a\x60\0\1\0", b"\4\1\0\x50\0\0\0\1\0\0"])
async def test_socks4_refuses_what_it_can_not_do(data):
    with pytest.raises(HandshakeError) as caught:
        await shake(data, 4)
    assert caught.value.reply == b"\0\x5b" + bytes(6)
