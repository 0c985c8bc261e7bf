from ktconnect.host.proxy_request import ProxyRequest


def test_a_request_has_nothing_to_say_ahead_unless_told():
    assert ProxyRequest("web", 80, b"ok", lambda _: b"no").head == b""
