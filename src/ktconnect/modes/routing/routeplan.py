"""What the router of a Service must know, read off the cluster's objects. Pure.

Whoever computes it gets the same, or two sessions would write the router's files in turn. So what
was chosen once, the numbers that stand for named target ports, is read off the router itself.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ktconnect import names
from ktconnect.objects.port_numbers import known_numbers, protocol_of
from ktconnect.objects.ports import PortMap, service_ports
from ktconnect.objects.session import Manifest
from ktconnect.rules.model import Share
from ktconnect.rules.plan import RoutedPort, RoutePlan, routed_port


@dataclass(frozen=True, slots=True)
class SharedService:
    """A shared Service and what it leads to.

    ``service``: with whatever selector it has now; ``router``: the router's Deployment, if it is
    there; ``slices``: the EndpointSlices of the original Pods.
    """

    service: Manifest
    router: Manifest | None
    slices: Sequence[Manifest]

    @property
    def ports(self) -> tuple[PortMap, ...]:
        """All ports of the Service, each with the number at which the router's Pods listen."""
        chosen = self._chosen()
        return tuple(
            replace(port, pod_port=chosen.get((port.protocol, port.name), port.pod_port))
            for port in service_ports(self.service, self.slices)
        )

    def _chosen(self) -> dict[tuple[str, str], int]:
        spec = self.router["spec"]["template"]["spec"] if self.router else {}
        known = known_numbers((), [{"spec": spec}] if spec else ())
        return {key: number for key, number in known.items() if key[1]}

    def uniform(self, port: PortMap) -> bool:
        """Whether the original Pods are known to listen at that very number."""
        if not port.name:
            return True
        numbers = {
            each.get("port")
            for found in self.slices
            for each in found.get("ports") or ()
            if protocol_of(each) == port.protocol
            and str(each.get("name") or "") == port.service_name
        }
        return numbers == {port.pod_port}


def route_plan(
    around: SharedService, shares: Iterable[Share], origin_address: str, origin_name: str
) -> RoutePlan:
    """What the router is to do now. ``origin_name``: the headless Service of the original Pods."""
    metadata = around.service["metadata"]
    host = f"{origin_name}.{metadata['namespace']}.svc.{names.CLUSTER_DOMAIN}."
    return RoutePlan(
        namespace=str(metadata["namespace"]),
        service=str(metadata["name"]),
        ports=tuple(_routed(around)),
        shares=tuple(share for share in shares if share.address),
        origin_address=origin_address,
        origin_host=host,
        families=tuple(around.service["spec"].get("ipFamilies") or ("IPv4",)),
    )


def _routed(around: SharedService) -> list[RoutedPort]:
    given = around.service["spec"].get("ports") or ()
    ports = [port for port in given if protocol_of(port) != "sctp"]
    return [
        routed_port(port, mapped.pod_port, uniform=around.uniform(mapped))
        for port, mapped in zip(ports, around.ports, strict=True)
    ]
