from tests.unit.kube.fakeapi import FakeApi

from ktconnect.kube.client import Cluster
from ktconnect.kube.facts import ClusterFacts
from ktconnect.modes.connect.view import Hosts, View
from ktconnect.modes.connect.written import written_names
from ktconnect.modes.spec import ClusterSpec, ConnectSpec, DnsSpec


def put_service(api, name, namespace, address):
    metadata = {"name": name, "namespace": namespace}
    spec = {"clusterIP": address, "clusterIPs": [address]}
    api.put({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})


async def written(spec):
    async with FakeApi().serving() as api, Cluster(api.config()) as cluster:
        put_service(api, "web", "shop", "10.96.0.7")
        put_service(api, "db", "dev", "10.96.0.8")
        rules = [{"host": "b.example"}, {"http": {}}, {"host": "a.example"}]
        metadata = {"name": "i", "namespace": "shop"}
        api.put(
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "Ingress",
                "metadata": metadata,
                "spec": {"rules": rules},
            }
        )
        facts = ClusterFacts(namespaces=("dev", "shop"))
        return await written_names(cluster, View(spec, "shop", "cluster.local", facts))


async def test_nothing_is_written_down_unless_asked_for():
    assert await written(ConnectSpec()) == Hosts()


async def test_the_hosts_file_gets_all_namespaces_that_are_known():
    found = await written(ConnectSpec(dns=DnsSpec("hosts")))
    assert found.lines == (
        "10.96.0.8 db.dev db.dev.svc.cluster.local",
        "10.96.0.7 web web.shop web.shop.svc.cluster.local",
    )


async def test_the_hosts_file_gets_the_namespaces_that_were_named():
    found = await written(ConnectSpec(dns=DnsSpec("hosts", namespaces=("dev",))))
    assert found.lines == ("10.96.0.8 db.dev db.dev.svc.cluster.local",)


async def test_hosts_of_ingresses_are_looked_up_for_an_ingress_address():
    found = await written(ConnectSpec(ingress_ip="10.9.9.9"))
    assert found.ingress == ("a.example", "b.example")


async def test_the_hosts_file_gets_the_ip_version_that_is_routed():
    spec = ConnectSpec(cluster=ClusterSpec(ip_version=6), dns=DnsSpec("hosts"))
    assert (await written(spec)).lines == ()
