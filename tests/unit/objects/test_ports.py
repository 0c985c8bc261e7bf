import pytest

from ktconnect.errors import UsageError
from ktconnect.objects.ports import (
    Expose,
    Local,
    PortMap,
    agent_port,
    listens,
    map_ports,
    preview_ports,
    ready_port,
    service_ports,
)


def service(*ports):
    return {"metadata": {"name": "web"}, "spec": {"ports": list(ports)}}


def port(number, target=None, name="", protocol="TCP"):
    fields = {"port": number, "targetPort": target, "name": name, "protocol": protocol}
    return {key: value for key, value in fields.items() if value}


def pod(*ports, sidecars=()):
    return {
        "spec": {
            "containers": [{"ports": [_named(*each) for each in ports]}, {}],
            "initContainers": [{"ports": [_named(*each) for each in sidecars]}],
        }
    }


def _named(name, number, protocol="TCP"):
    return {"name": name, "containerPort": number, "protocol": protocol}


WEB = service(port(80, 8080, "http"), port(81, "admin", "manage"), port(53, None, "dns", "UDP"))
PODS = [pod(("admin", 9000))]


def exposed(*exposes, of=WEB, pods=PODS):
    """Service port -> where its callers go."""
    ports = map_ports(of, exposes, pods=pods)
    return {port.service_port: str(port.target) for port in ports if port.target}


@pytest.mark.parametrize(
    ("remote", "local", "leads"),
    [
        ("80", Local(), {80: "tcp:127.0.0.1:80"}),  # one number: the same at both ends
        ("8080", Local(), {80: "tcp:127.0.0.1:8080"}),  # target port, as in the originals
        ("http", Local(), {80: "tcp:127.0.0.1:8080"}),  # the Service port's own name
        ("admin", Local(), {81: "tcp:127.0.0.1:9000"}),  # the target port's name
        ("manage", Local(), {81: "tcp:127.0.0.1:9000"}),
        ("9000", Local(), {81: "tcp:127.0.0.1:9000"}),  # what the name stands for in the Pods
        ("80", Local(port=3000), {80: "tcp:127.0.0.1:3000"}),
        ("http", Local("10.0.0.5", 8088), {80: "tcp:10.0.0.5:8088"}),
        ("http", Local(path="/run/app.sock"), {80: "unix:/run/app.sock"}),
        ("53", Local(), {53: "udp:127.0.0.1:53"}),
        ("dns", Local(port=5353), {53: "udp:127.0.0.1:5353"}),
    ],
)
def test_a_port_is_found_by_service_port_target_port_or_name(remote, local, leads):
    assert exposed(Expose(remote, remote, local)) == leads


def test_when_nothing_is_said_every_port_comes_by_the_number_it_has_in_the_pod():
    assert exposed() == {
        80: "tcp:127.0.0.1:8080",
        81: "tcp:127.0.0.1:9000",
        53: "udp:127.0.0.1:53",
    }


def test_the_services_own_number_wins_over_a_target_port():
    crossed = service(port(80, 8080, "a"), port(8080, 9090, "b"))
    assert exposed(Expose("8080", "8080"), of=crossed) == {8080: "tcp:127.0.0.1:8080"}


def test_ports_that_are_not_exposed_pass_on():
    [http, admin, dns] = map_ports(WEB, [Expose("80", "80")], pods=PODS)
    assert http.target is not None
    assert (admin.target, dns.target) == (None, None)
    assert (admin.pod_port, dns.pod_port) == (9000, 53)


def test_an_unknown_port_is_answered_with_those_that_there_are():
    with pytest.raises(UsageError, match="Service web has no port 8081") as refused:
        exposed(Expose("8081", "8081"))
    assert refused.value.hint == "it has 80 (http) to 8080, 81 (manage) to admin, 53 (dns)/udp"


def test_a_service_that_has_no_port_for_us_says_so():
    with pytest.raises(UsageError) as refused:
        exposed(Expose("80", "80"), of=service(port(80, protocol="SCTP")))
    assert refused.value.hint == "it has none that TCP or UDP can reach"


BOTH = service(port(53, 5353, "dns", "UDP"), port(53, 5353, "dns-tcp"))


def test_a_number_that_is_tcp_and_udp_wants_a_suffix():
    with pytest.raises(UsageError, match="is TCP and UDP") as refused:
        exposed(Expose("53", "53"), of=BOTH)
    assert "53/tcp or 53/udp" in refused.value.hint


def test_the_suffix_tells_tcp_and_udp_apart():
    [udp, tcp] = map_ports(BOTH, [Expose("53/udp", "53", protocol="udp")])
    assert (str(udp.target), tcp.target) == ("udp:127.0.0.1:53", None)
    ports = map_ports(BOTH, [Expose("53/udp", "53", Local(port=1), "udp"), Expose("", "dns-tcp")])
    assert [str(port.target) for port in ports] == ["udp:127.0.0.1:1", "tcp:127.0.0.1:5353"]


SHARING = service(port(80, 8080, "a"), port(81, 8080, "b"))


def test_ports_that_lead_to_the_same_port_of_the_pods_come_together():
    assert exposed(Expose("80", "80"), of=SHARING) == {
        80: "tcp:127.0.0.1:80",
        81: "tcp:127.0.0.1:80",
    }


def test_ports_that_lead_to_the_same_port_of_the_pods_cannot_go_to_different_places():
    exposes = [Expose("1:80", "80", Local(port=1)), Expose("2:81", "81", Local(port=2))]
    with pytest.raises(UsageError, match="1:80 and 2:81 lead to the same port 8080"):
        exposed(*exposes, of=SHARING)


def test_a_port_that_is_several_is_said_by_where_it_leads():
    of = service(port(80, 8080, "a"), port(80, 9090, "b"))  # of two Services of one workload
    with pytest.raises(UsageError, match=r"is several: 80 \(a\) to 8080, 80 \(b\) to 9090") as no:
        exposed(Expose("3000:80", "80", Local(port=3000)), of=of)
    assert no.value.hint == "say which by where it leads: 3000:8080 or 3000:9090"


def test_one_place_may_be_said_by_both_of_its_names():
    exposes = [Expose("1:80", "80", Local(port=1)), Expose("1:81", "81", Local(port=1))]
    assert len(exposed(*exposes, of=SHARING)) == 2


def numbers(of, slices=(), pods=()):
    return [port.pod_port for port in service_ports(of, slices, pods)]


def endpoint_slice(*ports):
    return {"ports": [{"name": name, "port": port, "protocol": "TCP"} for name, port in ports]}


NAMED = service(port(80, "http", "web"))


def test_a_named_target_port_has_the_number_of_the_pods():
    assert numbers(NAMED, pods=[pod(("other", 1), ("http", 8080)), pod(("http", 8081))]) == [8080]
    assert numbers(NAMED, pods=[pod(sidecars=[("http", 15000)])]) == [15000]


def test_slices_tell_the_number_where_pods_do_not():
    assert numbers(NAMED, [endpoint_slice(("web", 8080))]) == [8080]
    assert numbers(NAMED, [endpoint_slice(("web", None))]) == [80]
    unnamed = service(port(80, "http"))
    assert numbers(unnamed, [endpoint_slice((None, 8080))]) == [8080]


def test_a_name_that_nobody_knows_stands_at_the_services_number():
    assert numbers(NAMED) == [80]


def test_the_name_is_told_because_the_container_port_must_carry_it():
    [found] = service_ports(NAMED, pods=[pod(("http", 8080))])
    assert found == PortMap("tcp", 80, 8080, "http", "web")


def test_a_named_port_gives_way_to_a_number_that_is_needed():
    of = service(port(80, "http", "a"), port(81, 8080, "b"), port(82, "other", "c"))
    known = [pod(("http", 8080), ("other", 8080))]
    assert numbers(of, pods=known) == [80, 8080, 82]
    crowded = service(port(80, "http", "a"), port(81, 80, "b"), port(82, "http", "c"))
    assert numbers(crowded) == [20000, 80, 20000]


def test_the_same_number_serves_tcp_and_udp():
    of = service(port(53, "dns", "a"), port(53, "dns", "b", "UDP"))
    assert numbers(of, pods=[pod(("dns", 5353), ("dns", 5353, "UDP"))]) == [5353, 5353]


def test_sctp_is_none_of_ours():
    assert numbers(service(port(80), port(132, protocol="SCTP"))) == [80]


def test_listens_are_told_once():
    assert [port.service_port for port in listens(service_ports(SHARING))] == [81]
    assert len(listens(service_ports(WEB))) == 3


def test_the_agents_own_port_gives_way():
    assert agent_port(service_ports(WEB)) == 7070
    assert agent_port(service_ports(service(port(80, 7070)))) == 20000
    assert agent_port(service_ports(service(port(80, 7070), port(20000)))) == 20001


def test_a_preview_has_the_ports_that_were_said():
    exposes = [Expose("3000:80", "80", Local(port=3000)), Expose("53/udp", "53", protocol="udp")]
    assert preview_ports(exposes) == (
        PortMap("tcp", 80, 80, "", "kt-80", Local(port=3000).target("tcp", 0)),
        PortMap("udp", 53, 53, "", "kt-53-udp", Local().target("udp", 53)),
    )


def test_a_preview_needs_numbers():
    with pytest.raises(UsageError, match="a new Service has no port 'http' yet"):
        preview_ports([Expose("8080:http", "http", Local(port=8080))])


def test_a_port_that_shows_a_laptop_is_nobody_elses():
    ports = [PortMap("tcp", 80, 20000), PortMap("tcp", 81, 7070)]
    assert agent_port(ports) == 20001
    assert ready_port(ports) == 20002
