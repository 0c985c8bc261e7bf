import pytest

from ktconnect.traffic.secrets import is_masked, is_secret, masked, told


def test_the_values_of_secrets_are_masked_and_what_they_are_is_kept():
    headers = (
        ("Authorization", "Bearer abc.def"),
        ("Proxy-Authorization", "token"),
        ("Cookie", "user=ann; sid=42"),
        ("Set-Cookie", "sid=42; Path=/; HttpOnly"),
        ("Accept", "*/*"),
    )
    assert masked(headers) == (
        ("Authorization", "Bearer (not recorded)"),
        ("Proxy-Authorization", "(not recorded)"),
        ("Cookie", "user=(not recorded); sid=(not recorded)"),
        ("Set-Cookie", "sid=(not recorded); Path=/; HttpOnly"),
        ("Accept", "*/*"),
    )
    assert is_masked("Bearer (not recorded)")
    assert not is_masked("Bearer abc")


@pytest.mark.parametrize(
    "name",
    [
        *("X-Api-Key", "apikey", "X-Auth-Token", "X-CSRF-Token", "Client-Secret", "X-Password"),
        *("X-Amz-Security-Token", "X-Forwarded-Authorization", "X-Auth"),
    ],
)
def test_names_that_sound_like_secrets_are_masked_whole(name):
    assert masked(((name, "Key abc"),)) == ((name, "(not recorded)"),)


@pytest.mark.parametrize("name", ["WWW-Authenticate", "X-Author", ":authority", "ETag", "X-Key"])
def test_what_lets_nobody_in_is_written_down(name):
    assert not is_secret(name)


def test_of_secrets_that_are_there_is_told_and_of_cookies_which():
    headers = (("Set-Cookie", "sid=42; Path=/"), ("set-cookie", "ann=1"), ("X-Token", "a"))
    assert told(headers, "set-cookie") == "ann, sid"
    assert told(headers, "x-token") == "(not recorded)"
    assert told((("X-Shop", "a"), ("x-shop", "b")), "x-shop") == "a, b"
    assert told(headers, "x-shop") == ""
