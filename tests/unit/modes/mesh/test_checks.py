from ktconnect.modes.mesh.checks import check_all, check_marked
from ktconnect.objects.ports import PortMap
from ktconnect.wire.target import Target

HERE = Target("tcp", "127.0.0.1", 1)


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


def test_callers_of_ports_that_nobody_answers_are_told_of():
    exposed, other = PortMap("tcp", 80, 8080, target=HERE), PortMap("tcp", 81, 8081)
    assert not list(check_all("web", [exposed]))
    [found] = check_all("web", [exposed, other])
    assert "port 81 to 8081 of Service web does not come here" in found.message
