import asyncio
from contextlib import asynccontextmanager

import pytest
from tests.unit.kube.fakeapi import FakeApi
from tests.unit.tunnel.ends import until

from ktconnect.errors import UsageError
from ktconnect.kube.client import Cluster
from ktconnect.modes.forward.choose import Nowhere
from ktconnect.modes.forward.follow import leading
from ktconnect.modes.forward.goal import parse_goals

LABELS = {"app": "web", "pod-template-hash": "abc"}


def service(**spec):
    usual = {"ports": [{"name": "http", "port": 80}], "clusterIPs": ["10.96.0.1", "fd00::1"]}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "demo"},
        "spec": {"clusterIP": "10.96.0.1", **usual, **spec},
    }


def pod(name, ip, **metadata):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "demo",
            "labels": LABELS,
            "ownerReferences": [{"controller": True}],
            **metadata,
        },
        "spec": {"containers": [{"ports": [{"name": "http", "containerPort": 8080}]}]},
        "status": {
            "phase": "Running",
            "podIP": ip,
            "podIPs": [{"ip": ip}],
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def endpoints(*addresses):
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": "web-1",
            "namespace": "demo",
            "labels": {"kubernetes.io/service-name": "web"},
        },
        "ports": [{"name": "http", "port": 8080}],
        "endpoints": [{"addresses": [each]} for each in addresses],
    }


WORKLOAD = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "demo"},
    "spec": {"selector": {"matchLabels": {"app": "web"}}},
}


class Following:
    """A lead at work on a fake cluster."""

    def __init__(self, api, lead, ports, moves):
        self.api, self.lead, self.ports, self.moves = api, lead, ports, moves

    def now(self):
        try:
            return str(self.lead.target(self.ports[0]))
        except Nowhere as error:
            return str(error)

    async def until(self, wanted):
        async with asyncio.timeout(10):
            await until(lambda: self.now() == wanted)


@asynccontextmanager
async def following(text, *objects, family=0):
    async with FakeApi().serving() as api, Cluster(api.config()) as cluster:
        for each in objects:
            api.put(each)
        [goal] = parse_goals(text.split())
        moves: list[str] = []
        lead = leading(cluster, "demo", goal, family, moves.append)
        ports = await lead.start()
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(lead.follow())
            if goal.kind != "host":
                await api.watched()
            yield Following(api, lead, ports, moves)
            task.cancel()


async def test_an_address_leads_to_itself():
    async with following("5432:db.corp:5433") as found:
        assert found.now() == "tcp:db.corp:5433"
        assert found.ports[0].local == 5432


async def test_a_service_leads_to_its_own_address_and_follows_when_it_is_made_anew():
    async with following("web", service()) as found:
        assert found.now() == "tcp:10.96.0.1:80"
        found.api.remove("v1/Service", "web", "demo")
        await found.until("service/web is gone from namespace demo")
        found.api.put(service(clusterIP="10.96.0.9", clusterIPs=["10.96.0.9"]))
        await found.until("tcp:10.96.0.9:80")


async def test_only_addresses_of_the_wanted_family_are_used():
    async with following("web", service(), family=6) as found:
        assert found.now() == "tcp:[fd00::1]:80"


async def test_a_headless_service_leads_to_an_endpoint():
    headless = service(clusterIP="None", clusterIPs=["None"])
    async with following("web", headless, endpoints("10.0.0.2")) as found:
        assert found.now() == "tcp:10.0.0.2:8080"
        await found.api.watched(2)
        found.api.put(endpoints("10.0.0.3"))
        await found.until("tcp:10.0.0.3:8080")


async def test_an_external_name_leads_to_that_name():
    external = service(type="ExternalName", externalName="example.com", ports=None)
    async with following("web 443", external) as found:
        assert found.now() == "tcp:example.com:443"


async def test_a_pod_that_is_replaced_is_followed_and_that_is_told():
    async with following("pod/web-a http", pod("web-a", "10.0.0.1")) as found:
        assert found.now() == "tcp:10.0.0.1:8080"
        assert found.moves == []
        found.api.put(pod("web-b", "10.0.0.2"))
        found.api.remove("v1/Pod", "web-a", "demo")
        await found.until("tcp:10.0.0.2:8080")
        assert len(found.moves) == 1
        assert "connections of pod/web-a go to pod/web-b now" in found.moves[0]


async def test_a_pod_of_nobody_is_itself_alone():
    alone = pod("db", "10.0.0.1", ownerReferences=[])
    async with following("pod/db 1", alone, pod("web-b", "10.0.0.2")) as found:
        found.api.remove("v1/Pod", "db", "demo")
        await found.until("no Pod of pod/db runs in namespace demo")
        found.api.put(pod("db", "10.0.0.3", ownerReferences=[]))
        await found.until("tcp:10.0.0.3:1")


async def test_a_workload_leads_to_one_of_its_pods_until_that_is_gone():
    pods = [pod("web-a", "10.0.0.1"), pod("web-b", "10.0.0.2")]
    async with following("deployment/web", WORKLOAD, *pods) as found:
        assert found.now() == "tcp:10.0.0.1:8080"
        found.api.put(pod("web-0", "10.0.0.3"))
        found.api.put(pod("web-a", "10.0.0.1", deletionTimestamp="now"))
        await found.until("tcp:10.0.0.3:8080")
        assert "pod/web-a is gone" in found.moves[0]


async def test_a_named_port_that_the_next_pod_lacks_leads_nowhere():
    async with following("pod/web-a http", pod("web-a", "10.0.0.1")) as found:
        other = pod("web-b", "10.0.0.2")
        other["spec"] = {"containers": [{}]}
        found.api.put(other)
        found.api.remove("v1/Pod", "web-a", "demo")
        await found.until("pod/web-b has no port named http")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("web", "there is no service/web in namespace demo"),
        ("pod/web 80", "there is no pod/web"),
        ("deployment/web 80", "deployment/web has no Pods"),
    ],
)
async def test_what_is_not_there_is_refused(text, why):
    objects = [WORKLOAD] if text.startswith("deployment") else []
    async with FakeApi().serving() as api, Cluster(api.config()) as cluster:
        for each in objects:
            api.put(each)
        [goal] = parse_goals(text.split())
        with pytest.raises(UsageError, match=why):
            await leading(cluster, "demo", goal, 0, str).start()
