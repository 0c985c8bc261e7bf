import asyncio
import socket

from tests.unit.dns.messages import query, response

from ktconnect.dns.ask import AskFailed
from ktconnect.dns.message import rcode
from ktconnect.dns.order import Order
from ktconnect.dns.zone import Zone
from ktconnect.host.laptop import Resolver
from ktconnect.modes.connect.naming import Naming
from ktconnect.tunnel.status import TunnelState

ZONE = Zone("cluster.local", "demo")
NAME = "web.demo.svc.cluster.local"
SERVFAIL = 2


class Cluster:
    """Answers like a ClusterAsk whose tunnel may be gone."""

    def __init__(self):
        self.available = True

    async def __call__(self, message, *, tcp=False):
        if not self.available:
            raise AskFailed("gone")
        return response(message)


async def ask(address, message):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_sendto(sock, message, address)
        async with asyncio.timeout(5):
            return await loop.sock_recv(sock, 4096)


def sockets():
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    udp.bind(("127.0.0.1", 0))
    return udp, udp.getsockname()


async def answered(naming, *names):
    udp, address = sockets()
    async with asyncio.TaskGroup() as tasks:
        serving_task = tasks.create_task(naming.serve([udp]))
        answers = [await ask(address, query(name)) for name in names]
        serving_task.cancel()
    return answers


async def test_names_of_the_cluster_fail_at_once_while_there_is_no_way_to_it():
    naming = Naming(Cluster(), ZONE, Order((), ()), 0)
    naming.tunnel_is(TunnelState.UP)
    [answer] = await answered(naming, NAME)
    assert rcode(answer) == 0
    naming.tunnel_is(TunnelState.DOWN)
    [answer] = await answered(naming, NAME)
    assert rcode(answer) == SERVFAIL


async def test_a_new_zone_counts_at_once():
    naming = Naming(Cluster(), ZONE, Order((), ()), 0)
    naming.ask_upstream(Resolver("resolv.conf", ()))
    udp, address = sockets()
    async with asyncio.TaskGroup() as tasks:
        serving_task = tasks.create_task(naming.serve([udp]))
        assert rcode(await ask(address, query("web"))) == SERVFAIL
        naming.zone = Zone("cluster.local", "demo", services=frozenset({("web", "demo")}))
        assert rcode(await ask(address, query("web"))) == 0
        serving_task.cancel()
    assert naming.zone.services == {("web", "demo")}
