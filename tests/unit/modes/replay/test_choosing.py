from ktconnect.modes.replay.choosing import again, asked, chosen, secrets_missing
from ktconnect.rules.match import parse_match
from ktconnect.traffic.exchange import Answer, Exchange, Request

HOST = ("Host", "web")
GET = Exchange(Request("GET", "/api/x?q=1", (HOST, ("X-User", "ann"))), Answer(200))
POST = Exchange(Request("POST", "/cart", (HOST,)), Answer(200))
SOCKET = Exchange(Request("GET", "/ws", (HOST,)), Answer(101))
CONNECT = Exchange(Request("CONNECT", "a:443", (HOST,)), Answer(200))


def test_all_that_is_http_is_sent_without_a_filter():
    assert chosen([GET, POST, SOCKET, CONNECT], ()) == (GET, POST)


def test_one_filter_that_holds_is_enough():
    filters = parse_match("path:/api,header:x-user=ann"), parse_match("method=PUT")
    assert chosen([GET, POST], filters) == (GET,)
    assert chosen([GET, POST], (parse_match("header:host=web"),)) == (GET, POST)


def test_rules_see_the_request_taken_apart():
    seen = asked(GET.request)
    assert (seen.path, seen.query, seen.host) == ("/api/x", (("q", "1"),), "web")


def test_what_was_not_recorded_is_not_sent_and_what_is_given_is():
    request = Request(
        "GET", "/", (HOST, ("Authorization", "Bearer (not recorded)"), ("Accept-Encoding", "br"))
    )
    assert again(request, (("X-New", "1"), ("host", "other"))).headers == (
        ("Accept-Encoding", "identity"),
        ("X-New", "1"),
        ("host", "other"),
    )
    seen = [Exchange(request, None)]
    assert secrets_missing(seen, ()) == ("authorization",)
    assert secrets_missing(seen, (("Authorization", "x"),)) == ()
