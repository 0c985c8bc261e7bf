from ktconnect.modes.mesh.checks import check_all
from ktconnect.objects.ports import PortMap
from ktconnect.wire.target import Target

HERE = Target("tcp", "127.0.0.1", 1)


def test_callers_of_ports_that_nobody_answers_are_told_of():
    exposed, other = PortMap("tcp", 80, 8080, target=HERE), PortMap("tcp", 81, 8081)
    assert not list(check_all("web", [exposed]))
    [found] = check_all("web", [exposed, other])
    assert "port 81 to 8081 of Service web does not come here" in found.message
