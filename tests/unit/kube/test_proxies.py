import pytest

from ktconnect.errors import UsageError
from ktconnect.kube.proxies import checked_proxy, proxy_from_environment

SERVER = "https://api.example.org:6443"
PROXY = "http://proxy.example.org:3128"


def test_no_variable_means_a_direct_way():
    assert proxy_from_environment(SERVER, {}) == ""


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy"])
def test_the_variable_of_the_scheme_counts(name):
    assert proxy_from_environment(SERVER, {name: PROXY}) == PROXY
    assert proxy_from_environment("http://api.example.org", {name: PROXY}) == ""


def test_a_proxy_without_scheme_is_an_http_proxy():
    assert proxy_from_environment(SERVER, {"HTTPS_PROXY": "p:1"}) == "http://p:1"


@pytest.mark.parametrize(
    ("server", "no_proxy", "direct"),
    [
        (SERVER, "*", True),
        (SERVER, "example.org", True),
        (SERVER, "other, .example.org", True),
        (SERVER, "*.example.org", True),
        (SERVER, "ample.org", False),
        (SERVER, "api.example.org:6443", True),
        (SERVER, "api.example.org:443", False),
        (SERVER, ".api.example.org", False),
        ("https://10.1.2.3", "10.0.0.0/8", True),
        ("https://10.1.2.3", "10.1.2.3:443", True),
        ("https://10.1.2.3", "11.0.0.0/8,example.org", False),
        ("https://[fd00::1]:6443", "fd00::/16", True),
        ("https://127.0.0.1:6443", "", True),
        ("https://localhost", "", True),
    ],
)
def test_exceptions_are_names_domains_addresses_and_ranges(server, no_proxy, direct):
    environ = {"HTTPS_PROXY": PROXY, "NO_PROXY": no_proxy}
    assert proxy_from_environment(server, environ) == ("" if direct else PROXY)


@pytest.mark.parametrize("url", ["ftp://x:1", "nonsense", "http://", "http://[::1", "http://x:y"])
def test_a_proxy_of_another_kind_is_refused(url):
    with pytest.raises(UsageError, match="proxy URL"):
        checked_proxy(url)


@pytest.mark.parametrize("url", ["ftp://ann:secret@x:1", "ann:secret@x:1", "http://ann:secret@x:y"])
def test_a_proxy_that_is_refused_does_not_show_its_password(url):
    with pytest.raises(UsageError, match="x:") as caught:
        checked_proxy(url)
    assert "secret" not in f"{caught.value} {caught.value.hint}"
