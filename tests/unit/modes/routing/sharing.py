"""A Service of a fake cluster whose requests sessions share: their Leases, Services, shares."""

from dataclasses import dataclass
from typing import Any

from tests.unit.kube.fakeapi import FakeApi
from tests.unit.modes.inbound import SERVICE, slice_of

from ktconnect.kube.client import Cluster
from ktconnect.modes.routing.driver import Seat
from ktconnect.objects.session import SHARED, Session
from ktconnect.rules.match import parse_match
from ktconnect.rules.model import ANNOTATION, Share, share_note, share_of
from ktconnect.sessions.lease import SessionLease
from ktconnect.sessions.shared import SharedLease
from ktconnect.sessions.shared_names import shared_name


@dataclass
class Sharer:
    """One user who shares ``shop/web``."""

    api: FakeApi
    seat: Seat
    share: Share

    @property
    def noted(self) -> Share:
        """The share as the cluster holds it."""
        found = share_of(self.api.objects[SERVICE, "shop", self.share.service])
        assert found is not None
        return found


def share_service(mark: str, note: str) -> dict[str, Any]:
    """A session's own Service."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": f"web-kt-mesh-{mark}",
            "namespace": "shop",
            "labels": {"kt-target": "web", "kt-role": "shadow-mesh"},
            "annotations": {ANNOTATION: note},
        },
        "spec": {"clusterIP": f"10.96.1.{len(mark)}", "ports": [{"port": 80}]},
    }


async def sharer(
    api: FakeApi, cluster: Cluster, mark: str = "ci", *matches: str, driver: str = "istio"
) -> Sharer:
    """Somebody whose session has been announced and joined the others, and whose share is there,
    but takes nothing yet."""
    said = tuple(map(parse_match, matches or (f"header:version={mark}",)))
    plain = Share("mesh", f"web-kt-mesh-{mark}", "", mark, "ann", "", said, (80,), leaving=True)
    api.put(share_service(mark, share_note(plain)))
    api.put(slice_of(plain.service, "10.244.1.9"))
    session = Session(f"kt-mesh-web-{mark}", "shop", "shadow-mesh", f"{mark}@laptop")
    lease = SessionLease(cluster, session, {"mode": "mesh", SHARED: shared_name("web")})
    await lease.create()
    shared = SharedLease(cluster, "web", "shop", driver)
    await shared.join(())
    found = share_of(api.objects[SERVICE, "shop", plain.service])
    assert found is not None
    return Sharer(api, Seat(cluster, "shop", "web", lease, shared), found)
