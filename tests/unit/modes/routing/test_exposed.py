import pytest
from tests.unit.modes.inbound import in_shop, service

from ktconnect.errors import UsageError
from ktconnect.modes.checks.seen import look
from ktconnect.modes.routing.exposed import check_marked, exposed_ports
from ktconnect.modes.serving.expose import parse_exposes
from ktconnect.modes.serving.spec import ServingSpec
from ktconnect.objects.ports import PortMap
from ktconnect.wire.target import Target

HERE = Target("tcp", "127.0.0.1", 1)
SPEC = ServingSpec(skip_port_checking=True)
NONE = UsageError("nothing to take")


def test_ports_that_are_no_http_are_told():
    ports = [
        PortMap("tcp", 80, 8080, target=HERE),
        PortMap("tcp", 3306, 3306, target=HERE),
        PortMap("tcp", 443, 8443, target=HERE),
    ]
    apps = {80: "http", 3306: "tcp", 443: "tls"}
    found = list(check_marked("web", ports, apps, said=True))
    assert [each.level for each in found] == ["warn", "warn"]
    assert "port 3306" in found[0].message
    assert "sni" in found[1].message
    assert {each.level for each in check_marked("web", ports, apps, said=False)} == {"note"}


def test_datagrams_are_refused_if_they_were_asked_for():
    ports = [PortMap("udp", 53, 53, target=HERE)]
    assert [each.level for each in check_marked("web", ports, said=True)] == ["refuse"]
    assert [each.level for each in check_marked("web", ports, said=False)] == ["note"]


@pytest.mark.parametrize("driver", ["router", "istio"])
async def test_ports_that_are_asked_for_come_here(driver):
    async with in_shop() as (_, cluster, reporter):
        seen, exposes = await look(cluster, service()), parse_exposes("1:80")
        found = await exposed_ports(SPEC, exposes, seen, driver, NONE, reporter)
        assert [(port.service_port, str(port.target)) for port in found] == [
            (80, "tcp:127.0.0.1:1")
        ]
        assert reporter.warnings, "nothing listens there, and the user goes on"


async def test_a_service_without_such_a_port_is_refused_in_the_words_of_the_command():
    async with in_shop() as (_, cluster, reporter):
        only_udp = service(ports=[{"port": 53, "protocol": "UDP"}])
        seen = await look(cluster, only_udp)
        with pytest.raises(UsageError, match="nothing to take"):
            await exposed_ports(SPEC, (), seen, "istio", NONE, reporter)


async def test_what_was_said_of_another_target_asks_for_no_port_of_this_one():
    async with in_shop() as (_, cluster, reporter):
        ports = [{"name": "http", "port": 80}, {"name": "dns", "port": 53, "protocol": "UDP"}]
        seen = await look(cluster, service(ports=ports))
        other = parse_exposes("other=1:80")
        found = await exposed_ports(SPEC, other, seen, "router", NONE, reporter)
        assert [port.service_port for port in found] == [80]
        assert any("is UDP" in note for note in reporter.notes)
        everything = parse_exposes("web=1:80,web=1:53/udp")
        with pytest.raises(UsageError, match="is UDP"):
            await exposed_ports(SPEC, everything, seen, "router", NONE, reporter)
