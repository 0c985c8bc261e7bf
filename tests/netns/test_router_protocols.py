"""Every protocol through a real Envoy with our files: who answers, and what each side sees."""

import asyncio
import contextlib
import hashlib
import json
import socket
import ssl

import httpx2
import pytest
from tests.cluster.images.polyglot.calls import call
from tests.netns.routing import ANN, BOB, DEAD, PODS, ROUTER

pytestmark = [pytest.mark.netns, pytest.mark.timeout(90)]

MARK = {"VERSION": "ann"}


async def ask(router, kind, port="http", **order):
    order = {"kind": kind, "host": ROUTER, "port": router.port(port), "fresh": True, **order}
    found = await call(order)
    assert found["error"] == "", found
    return found


def who(found):
    return found["seen"]["who"]


async def by_name(router, name):
    """Who answers a TLS connection to that server."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    reader, writer = await asyncio.open_connection(
        ROUTER, router.port("tls"), ssl=context, server_hostname=name
    )
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nVersion: ann\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return json.loads(answer.partition(b"\r\n\r\n")[2])["who"]


@pytest.mark.parametrize(
    ("kind", "port", "order"),
    [
        ("http", "http", {}),
        ("h2c", "http", {}),
        ("websocket", "http", {"messages": ["hello"]}),
        ("http", "http", {"path": "/sse?count=2&pause=0"}),
        ("grpc", "grpc", {"method": "Ask"}),
        ("grpc", "grpc", {"method": "Count", "message": {"count": 3}}),
        ("grpc", "grpc", {"method": "Talk", "messages": [{"a": 1}, {"b": 2}]}),
        ("http", "other", {}),
        ("h2c", "other", {}),
        ("websocket", "other", {"messages": ["hello"]}),
    ],
)
async def test_a_marked_request_is_anns_and_every_other_the_origins(router, kind, port, order):
    await router.set(router.share("ann", ANN, ports=(port,)))
    marked = await ask(router, kind, port, **order, headers=MARK)
    assert who(marked) == "ann"
    assert marked["headers"]["x-kt-served-by"] == "ann"
    assert marked["headers"]["cache-control"] == "no-store"
    for headers in ({}, {"version": "unknown"}, {"version": "annabel"}):
        plain = await ask(router, kind, port, **order, headers=headers)
        assert who(plain).startswith("pod")
        assert plain["headers"]["x-kt-served-by"] == "origin"
        assert "cache-control" not in plain["headers"]


@pytest.mark.parametrize(
    ("match", "order", "meant"),
    [
        ("header:x-user=ann", {"headers": {"X-User": "ann"}}, True),
        ("header:x-user=ann", {"headers": {"X-User": "Ann"}}, False),
        ("header:x-user^=an", {"headers": {"X-User": "andy"}}, True),
        ("header:x-user~=a.{1\\,2}", {"headers": {"X-User": "ann"}}, True),
        ("header:x-user~=a.{1\\,2}", {"headers": {"X-User": "annn"}}, False),
        ("header:x-user~=.*", {}, False),
        ("header:host=shop.example.com", {"headers": {"Host": "shop.example.com"}}, True),
        ("cookie:user=a.n", {"headers": {"Cookie": "x=1; user=a.n; y=2"}}, True),
        ("cookie:user=a.n", {"headers": {"Cookie": "user=ann"}}, False),
        ("cookie:user=ann", {"headers": {"Cookie": "xuser=ann; user=anna"}}, False),
        ("cookie:user^=an", {"headers": {"Cookie": "user=anna"}}, True),
        ("cookie:user~=a[nm]+", {"headers": {"Cookie": "user=anm"}}, True),
        ("query:debug=1", {"path": "/x?a=2&debug=1"}, True),
        ("query:debug=1", {"path": "/x?debug=11"}, False),
        ("query:debug^=1", {"path": "/x?debug=11"}, True),
        ("path:/api", {"path": "/api"}, True),
        ("path:/api", {"path": "/api/x?y=1"}, True),
        ("path:/api", {"path": "/apix"}, False),
        ("path:/", {"path": "/any"}, True),
        ("path=/api/x", {"path": "/api/x?y=1"}, True),
        ("path=/api/x", {"path": "/api/x/y"}, False),
        ("path~=/v[0-9]+/.*", {"path": "/v12/x?y=1"}, True),
        ("path~=/v[0-9]+/.*", {"path": "/v/x"}, False),
        ("method=POST", {"method": "POST"}, True),
        ("method=POST", {}, False),
        ("method~=PUT|POST", {"method": "PUT"}, True),
        ("path:/api,header:a=1", {"path": "/api", "headers": {"a": "1"}}, True),
        ("path:/api,header:a=1", {"path": "/api", "headers": {"a": "2"}}, False),
    ],
)
async def test_what_a_match_means(router, match, order, meant):
    await router.set(router.share("ann", ANN, match))
    for kind in ("http", "h2c"):
        if "Host" in order.get("headers", {}) and kind == "h2c":
            continue  # the client says both
        assert (who(await ask(router, kind, **order)) == "ann") == meant


async def test_the_largest_patterns_that_are_let_in_are_taken(router):
    largest = (
        f"cookie:sid={'x' * 100}",
        "header:x-user~=[a-z]{120}",
        "header:x-user~=((a{10}){10}){10}",
        "header:x-user~=.{1000}.{600}",
        "header:x-user~=(?i)[^a]{500}k{400}",
        "header:x-user~=[\\W_]{250}[\\D]{200}\\S{100}",
        "header:x-user~=[ä-€]{400}ß{900}",
        f"header:x-user~=(?P<n_1>{'(a|é)*' * 160})",
        "cookie:sid~=(?:a{1000}|b{1000}|[c-f]{600})",
    )
    await router.set(*(router.share(f"s{n}", ANN, each) for n, each in enumerate(largest)))
    assert who(await ask(router, "http", headers={"x-user": "a" * 1000})) == "ann"
    assert who(await ask(router, "http", headers={"cookie": f"a=b; sid={'x' * 100}"})) == "ann"
    assert who(await ask(router, "http", headers={"cookie": "sid=x"})).startswith("pod")


@pytest.mark.parametrize(
    ("match", "meant"),
    [
        ("grpc:polyglot.Polyglot/Ask", True),
        ("grpc:polyglot.Polyglot", True),
        ("grpc:polyglot.Polyglot/Talk", False),
        ("grpc:polyglot.Poly", False),
    ],
)
async def test_a_method_of_grpc_is_told_apart(router, match, meant):
    await router.set(router.share("ann", ANN, match, ports=("grpc",)))
    assert (who(await ask(router, "grpc", "grpc")) == "ann") == meant


async def test_the_narrower_rule_is_asked_first(router):
    await router.set(
        router.share("bob", BOB, "path:/api"),
        router.share("ann", ANN, "path:/api/v1"),
    )
    assert who(await ask(router, "http", path="/api/v1/x")) == "ann"
    assert who(await ask(router, "http", path="/api/v2")) == "bob"


async def test_ports_that_nobody_means_are_passed_on_byte_by_byte(router):
    await router.set(router.share("ann", ANN))
    assert who(await ask(router, "tcp", "tcp", messages=["x" * 1000])) == "cluster-ip"
    assert who(await ask(router, "udp", "udp")) == "cluster-ip"
    found = await ask(router, "http", "other", headers=MARK)
    assert who(found) == "cluster-ip"
    assert "x-kt-served-by" not in found["headers"]


async def test_a_server_that_speaks_first_is_heard_at_once(router):
    await router.set(router.share("ann", ANN, ports=("tcp", "http")))
    found = await ask(router, "tcp", "tcp")
    assert who(found) == "cluster-ip"
    assert found["seconds"] < 0.8, "nothing waited for the client's first word"


async def test_what_is_no_http_goes_on_from_a_port_of_unknown_kind(router):
    await router.set(router.share("ann", ANN, ports=("other",)))
    reader, writer = await asyncio.open_connection(ROUTER, router.port("other"))
    writer.write(b"\x00\x01neither\r\n\r\n")
    assert b"400" in await reader.read(100), "the origin's own answer to nonsense"
    assert router.stat(f"cluster.passed|{router.numbers.other[0]}.upstream_cx_active") >= 0
    writer.close()


async def test_tls_is_told_apart_by_the_servers_name_alone(router):
    await router.set(router.share("ann", ANN, "sni:ann.test", "sni:*.ann.test", ports=("tls",)))

    assert await by_name(router, "ann.test") == "ann"
    assert await by_name(router, "x.ann.test") == "ann"
    assert await by_name(router, "bob.test") == "cluster-ip"


async def test_big_bodies_pass_and_the_memory_stays(router):
    await router.set(router.share("ann", ANN))
    await ask(router, "http", size=1000)
    before = router.resident
    size = 64 << 20
    found = await ask(router, "http", method="POST", size=size, patience=60)
    assert found["seen"]["length"] == size
    assert found["seen"]["sha256"] == hashlib.sha256(bytes(size)).hexdigest()
    assert (await ask(router, "http", path=f"/bytes?count={size}"))["length"] == size
    assert router.resident - before < 32 << 20


async def test_an_error_of_the_program_is_told_as_it_is_and_puts_nobody_aside(router):
    await router.set(router.share("ann", ANN))
    for status in (404, 500, 502, 503, 504):
        for headers, name in ((MARK, "ann"), ({}, "pod")):
            found = await ask(router, "http", path=f"/status/{status}", headers=headers)
            assert (found["status"], who(found)[:3]) == (status, name[:3])


async def test_a_session_whose_agent_is_gone_falls_to_the_origin(router):
    await router.set(router.share("ann", DEAD))
    for _ in range(5):
        found = await ask(router, "http", headers=MARK)
        assert who(found) == "cluster-ip"
        assert found["headers"]["x-kt-served-by"] == "origin"
    assert who(await ask(router, "http", method="POST", body="x", headers=MARK)) == "cluster-ip"


async def test_a_name_whose_agent_is_gone_falls_to_the_origin(router):
    await router.set(router.share("ann", DEAD, "sni:ann.test", ports=("tls",)))
    for _ in range(3):
        assert await by_name(router, "ann.test") == "cluster-ip"


async def test_an_agent_that_does_not_accept_costs_a_second_each_time(router):
    """As one whose node is lost. No request is lost by it, nor the mark forgotten."""
    await router.set(router.share("ann", DEAD))
    with contextlib.ExitStack() as full:
        listener = full.enter_context(socket.socket())
        listener.bind((DEAD, router.numbers.http[0]))
        listener.listen(0)
        for _ in range(4):
            sock = full.enter_context(socket.socket())
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        found = await ask(router, "http", headers=MARK)
        assert who(found) == "cluster-ip"
        assert 0.9 < found["seconds"] < 10


async def test_requests_are_spread_over_the_origins_pods_even_on_one_connection(router):
    await router.set(router.share("ann", ANN))
    url = f"http://{ROUTER}:{router.port('http')}/"
    for http2 in (False, True):
        async with httpx2.AsyncClient(http1=not http2, http2=http2, trust_env=False) as client:
            seen = {(await client.get(url)).json()["who"] for _ in range(12)}
        assert seen == {"pod-0", "pod-1"}


async def test_a_pod_that_is_gone_costs_no_request(router, name_server):
    name_server.addresses = [*PODS, "127.0.0.7"]
    await router.set(router.share("ann", ANN))
    for _ in range(12):
        assert who(await ask(router, "http")).startswith(("pod", "cluster"))


@pytest.mark.parametrize("addresses", [[], None], ids=["no such name", "no name server"])
async def test_without_names_the_cluster_ip_serves(router, name_server, addresses):
    name_server.addresses = addresses
    await router.set(router.share("ann", ANN))
    assert who(await ask(router, "http")) == "cluster-ip"
    assert who(await ask(router, "http", headers=MARK)) == "ann"
    assert name_server.asked
