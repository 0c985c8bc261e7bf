import pytest

from ktconnect.modes.routing.routeplan import SharedService, route_plan


def around(**spec):
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    metadata = {"name": "web", "namespace": "shop"}
    service = {"kind": "Service", "metadata": metadata, "spec": {"ports": ports, **spec}}
    return SharedService(service, None, ())


@pytest.mark.parametrize(
    ("spec", "families"),
    [
        ({"ipFamilies": ["IPv6", "IPv4"]}, ("IPv6", "IPv4")),
        ({"ipFamilies": ["IPv6"]}, ("IPv6",)),
        ({}, ("IPv4",)),
    ],
)
def test_the_router_has_the_families_of_its_service(spec, families):
    plan = route_plan(around(**spec), (), "10.96.0.7", "web-kt-origin-pods")
    assert plan.families == families
    assert [port.pod_port for port in plan.ports] == [8080]
