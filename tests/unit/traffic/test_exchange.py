from ktconnect.traffic.exchange import Body, Request, header, place


def test_a_header_that_is_sent_twice_is_one_list():
    headers = (("Accept", "a"), ("X", "1"), ("accept", "b"))
    assert header(headers, "accept") == "a, b"
    assert header(headers, "cookie") == ""


def test_a_body_of_which_only_the_beginning_is_known_says_so():
    assert Body(b"ab", 3).is_cut
    assert not Body.whole(b"ab").is_cut
    assert Body.whole(b"").digest.startswith("e3b0c442")


def test_a_request_is_called_by_its_line():
    assert place(Request("GET", "/cart?x=1")) == "GET /cart?x=1"
    assert place(Request("GET", "/" + "x" * 500)) == "GET /" + "x" * 98 + "…"
