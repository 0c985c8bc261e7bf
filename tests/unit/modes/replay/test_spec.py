import ssl

import pytest

from ktconnect.errors import UsageError
from ktconnect.modes.replay.spec import parse_headers, parse_place


@pytest.mark.parametrize(
    ("text", "target", "tls"),
    [
        ("localhost:8080", "tcp:localhost:8080", False),
        ("localhost", "tcp:localhost:80", False),
        ("http://[::1]:8080/", "tcp:[::1]:8080", False),
        ("https://shop.test", "tcp:shop.test:443", True),
        ("/run/app.sock", "unix:/run/app.sock", False),
        ("unix:/run/app.sock", "unix:/run/app.sock", False),
    ],
)
def test_a_place_is_a_port_a_url_or_a_socket(text, target, tls):
    place = parse_place(text)
    assert (str(place.target), place.tls is not None) == (target, tls)


@pytest.mark.parametrize("text", ["", "ftp://a", "http://", "http://a/b", "a b:80", "a:0"])
def test_what_is_no_place_is_refused(text):
    with pytest.raises(UsageError, match="--to"):
        parse_place(text)


def test_insecure_takes_any_certificate():
    place = parse_place("https://a:1", insecure=True)
    assert place.tls is not None
    assert place.tls.verify_mode == ssl.CERT_NONE
    assert place.tls_grpc is not None
    assert place.tls_grpc is not place.tls, "what is to be spoken inside is said beforehand"
    assert not place.tls_grpc.check_hostname
    assert parse_place("http://a:1").tls_grpc is None
    strict = parse_place("https://a:1")
    assert strict.tls is not None
    assert strict.tls.check_hostname


def test_headers_are_read_as_curl_does():
    assert parse_headers(["X-User: ann", "Empty:"]) == (("X-User", "ann"), ("Empty", ""))
    for bad in ("nothing", ": x"):
        with pytest.raises(UsageError, match="is no header"):
            parse_headers([bad])
