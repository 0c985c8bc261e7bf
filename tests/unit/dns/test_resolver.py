import asyncio
from ipaddress import ip_address

from tests.unit.dns.messages import answers, query, read, response
from tests.unit.dns.servers import Answers

from ktconnect.dns.resolver import Limits, Resolver
from ktconnect.dns.zone import Zone

WEB = "web.shop.svc.cluster.local"
SERVICES = frozenset({("web", "shop"), ("redis", "shop")})
ZONE = Zone("cluster.local", "shop", SERVICES, headless=frozenset({("redis", "shop")}))


DEFAULT = Limits()


class Bench:
    def __init__(self, zone: Zone = ZONE, limits: Limits = DEFAULT) -> None:
        self.cluster = Answers({WEB: (f"{WEB}. 30 IN A 10.96.0.1",)})
        self.upstream = Answers({"example.com": ("example.com. 30 IN A 192.0.2.1",)})
        asks = {"cluster": self.cluster, "upstream": self.upstream}
        self.resolver = Resolver(asks, zone, limits)

    async def ask(self, *queries: bytes, tcp: bool = False) -> list[bytes]:
        replies: list[bytes] = []
        async with asyncio.TaskGroup() as tasks:
            for wire in queries:
                self.resolver.submit(wire, tcp, replies.append, tasks)
        return replies

    async def one(self, name: str, *, tcp: bool = False) -> bytes:
        [reply] = await self.ask(query(name), tcp=tcp)
        return reply


async def test_a_short_name_is_answered_as_if_it_were_the_full_one():
    bench = Bench()
    assert answers(await bench.one("web")) == ["web. 30 IN A 10.96.0.1"]
    assert bench.cluster.asked == [(WEB, False)]
    assert bench.upstream.asked == []


async def test_other_names_go_upstream_only_and_keep_the_askers_letter_case():
    bench = Bench()
    assert answers(await bench.one("Example.COM", tcp=True)) == ["Example.COM. 30 IN A 192.0.2.1"]
    assert bench.upstream.asked == [("example.com", True)]
    assert bench.cluster.asked == []


async def test_a_pod_name_that_the_cluster_does_not_know_is_asked_upstream():
    bench = Bench()
    assert read(await bench.one("git.redis")).rcode() == 3
    assert bench.upstream.asked == [("git.redis", False)]


async def test_a_service_without_such_a_record_is_not_asked_upstream():
    bench = Bench()
    bench.cluster.known[WEB] = ()
    reply = read(await bench.one("web"))
    assert (reply.rcode(), reply.answer) == (0, [])
    assert bench.upstream.asked == []


async def test_without_the_cluster_its_names_fail_at_once_and_others_do_not():
    bench = Bench()
    bench.cluster.failing = True
    assert read(await bench.one("web")).rcode() == 2
    assert read(await bench.one(WEB)).rcode() == 2
    assert answers(await bench.one("example.com"))
    assert bench.resolver.statistics().failed == 2


async def test_a_server_that_nobody_gave_is_a_failure():
    bench = Bench(Zone("cluster.local", "shop", order=("udp:1.2.3.4:53",)))
    assert read(await bench.one("web")).rcode() == 2


async def test_an_order_asks_until_somebody_has_an_answer():
    bench = Bench(Zone("cluster.local", "shop", order=("cluster", "upstream")))
    assert answers(await bench.one("example.com")) == ["example.com. 30 IN A 192.0.2.1"]
    assert [name for name, _ in bench.cluster.asked] == [
        "example.com.svc.cluster.local",
        "example.com.shop.svc.cluster.local",
        "example.com",
    ]


async def test_an_order_goes_on_where_a_server_fails():
    bench = Bench(Zone("cluster.local", "shop", order=("cluster", "upstream")))
    bench.cluster.failing = True
    assert answers(await bench.one("example.com"))


async def test_an_order_prefers_a_name_that_exists_over_one_that_does_not():
    bench = Bench(Zone("cluster.local", "shop", order=("upstream", "cluster")))
    bench.cluster.known[WEB] = ()
    assert read(await bench.one("web")).rcode() == 0


async def test_an_order_that_finds_nothing_says_so():
    bench = Bench(Zone("cluster.local", "shop", order=("cluster", "upstream")))
    assert read(await bench.one("nobody")).rcode() == 3


async def test_the_second_time_comes_from_the_cache_under_the_new_id():
    bench = Bench()
    await bench.one("web")
    [reply] = await bench.ask(query("WEB", number=7))
    assert (read(reply).id, answers(reply)) == (7, ["WEB. 30 IN A 10.96.0.1"])
    assert len(bench.cluster.asked) == 1
    assert bench.resolver.statistics().local == 1


async def test_a_name_whose_way_changed_is_not_answered_from_the_cache():
    bench = Bench()
    await bench.one("web")
    bench.resolver.zone = Zone("cluster.local", "shop")
    assert read(await bench.one("web")).rcode() == 3


async def test_no_cache_is_no_cache():
    bench = Bench(limits=Limits(cache_ttl=0))
    await bench.one("web")
    await bench.one("web")
    assert len(bench.cluster.asked) == 2


async def test_the_same_question_of_several_askers_is_asked_once():
    bench = Bench()
    replies = await bench.ask(*(query("web", number=n) for n in range(5)))
    assert sorted(read(reply).id for reply in replies) == [0, 1, 2, 3, 4]
    assert len(bench.cluster.asked) == 1
    assert bench.resolver.statistics().shared == 4


async def test_too_many_at_once_are_dropped():
    bench = Bench(limits=Limits(waiting=2))
    replies = await bench.ask(*(query(f"x{n}.example") for n in range(5)))
    assert len(replies) == 2
    assert bench.resolver.statistics().dropped == 3
    assert bench.resolver.statistics().in_flight == 0


async def test_an_answer_too_long_for_the_asker_is_truncated():
    bench = Bench()
    bench.cluster.known[WEB] = tuple(f"{WEB}. 30 IN A 10.96.0.{n}" for n in range(99))
    udp = await bench.one("web")
    assert len(udp) < 100
    assert udp[2] & 2
    assert len(answers(await bench.one("web", tcp=True))) == 99


async def test_an_override_answers_by_itself():
    ours = ip_address("10.0.0.9")
    bench = Bench(Zone("cluster.local", "shop", overrides=(("*.shop.example", ours),)))
    assert answers(await bench.one("a.shop.example")) == ["a.shop.example. 5 IN A 10.0.0.9"]
    [reply] = await bench.ask(query("a.shop.example", "AAAA"))
    assert (read(reply).rcode(), read(reply).answer) == (0, [])
    assert not bench.upstream.asked


async def test_what_is_no_query_is_not_answered():
    bench = Bench()
    assert await bench.ask(b"", b"\0" * 11, response(query("web"))) == []
    assert bench.resolver.statistics().queries == 0


async def test_what_is_malformed_or_no_plain_query_is_told_so():
    bench = Bench()
    replies = await bench.ask(query("web")[:-2], b"\0\x01\x28\0" + query("web")[4:])
    assert [read(reply).rcode() for reply in replies] == [1, 4]


async def test_a_name_too_long_to_be_completed_fails():
    bench = Bench()
    assert read(await bench.one(".".join(["a" * 60] * 4) + ".svc")).rcode() == 2


async def test_a_response_that_can_not_be_rewritten_is_a_failure():
    bench = Bench()

    bench.cluster.cut = 2
    assert (await bench.one("web"))[3] & 0xF == 2
    assert (await bench.one(WEB))[3] & 0xF == 0


async def test_a_damaged_response_too_long_for_the_asker_is_a_failure():
    bench = Bench()
    bench.cluster.known[WEB] = tuple(f"{WEB}. 30 IN A 10.96.0.{n}" for n in range(99))
    bench.cluster.cut = 2
    assert (await bench.one(WEB))[3] & 0xF == 2


async def test_servers_that_take_too_long_are_a_failure():
    bench = Bench(limits=Limits(seconds=0.02))
    bench.cluster.gate.clear()
    assert read(await bench.one("web")).rcode() == 2


ROOT_SOA = ". 86400 IN SOA a.root. admin.root. 1 2 3 4 86400"


async def no_ttl(bench: Bench, name: str) -> int:
    [rrset] = read(await bench.one(name)).authority
    return rrset.ttl


async def test_a_resolver_before_us_may_not_keep_a_no_for_a_service_that_may_appear():
    bench = Bench()
    bench.upstream.authority = (ROOT_SOA,)
    assert await no_ttl(bench, "later") == 5
    assert await no_ttl(bench, "no.example.com") == 86400


async def test_a_damaged_no_is_passed_on():
    bench = Bench()
    bench.upstream.authority = (ROOT_SOA,)
    whole = await Bench.one(bench, "later")
    bench.upstream.cut = 2
    assert len(await bench.one("sooner")) == len(whole) + 1 - 2


ONLY_V4 = Zone("cluster.local", "shop", SERVICES, ip_version=4)


async def test_a_family_that_is_not_led_to_the_cluster_is_no_data_under_any_name():
    bench = Bench(ONLY_V4)
    bench.cluster.known[WEB] = (f"{WEB}. 30 IN AAAA fd00::1",)
    for name in ("web", "web.shop", "web.shop.svc", WEB):
        [reply] = await bench.ask(query(name, "AAAA"))
        assert (read(reply).rcode(), read(reply).answer) == (0, [])
    assert bench.upstream.asked == []


async def test_the_family_that_is_led_there_is_answered():
    bench = Bench(ONLY_V4)
    assert answers(await bench.one("web")) == ["web. 30 IN A 10.96.0.1"]


async def test_an_order_does_not_look_elsewhere_for_the_family_that_is_left_out():
    bench = Bench(Zone("cluster.local", "shop", order=("cluster", "upstream"), ip_version=4))
    bench.cluster.known[WEB] = (f"{WEB}. 30 IN AAAA fd00::1",)
    bench.upstream.known["web.shop"] = ("web.shop. 30 IN AAAA 2001:db8::1",)
    [reply] = await bench.ask(query("web.shop", "AAAA"))
    assert (read(reply).rcode(), read(reply).answer) == (0, [])
    assert [name for name, _ in bench.cluster.asked] == [WEB]
    assert bench.upstream.asked == []
