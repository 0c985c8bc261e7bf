import asyncio
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.modes.connecting import in_cluster
from tests.unit.modes.reporting import Remembering
from tests.unit.tunnel.ends import TOKEN, connect, running_agent, serving, until

from ktconnect.errors import Forbidden, HostError, UsageError
from ktconnect.modes.forward.goal import parse_goals
from ktconnect.modes.forward.mode import Forwarding, ForwardSpec, bound, look, run, shadow_of
from ktconnect.modes.spec import ClusterSpec
from ktconnect.objects.session import LEASE, record_of

KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: fake
contexts: [{{name: fake, context: {{cluster: c, user: u, namespace: demo}}}}]
clusters: [{{name: c, cluster: {{server: "{url}"}}}}]
users: [{{name: u, user: {{token: secret}}}}]
"""

FLAGS = ClusterSpec(namespace="demo", port_forward_timeout=2.0, pod_creation_timeout=0.3)


def spec_of(text, *addresses):
    return ForwardSpec(FLAGS, parse_goals(text.split()), addresses or ("127.0.0.1",))


class Agent:
    """An agent that runs on this machine."""

    def __init__(self, port, session):
        self.session, self.token, self._port = session, TOKEN, port

    async def open_pipe(self):
        return await connect(self._port)

    def patience(self, forward):
        return forward

    async def keep_alive(self):
        await asyncio.Event().wait()

    async def revive(self, _):
        await asyncio.sleep(0)


async def echo(reader, writer):
    while data := await reader.read(100):
        writer.write(data)
        await writer.drain()
    writer.close()


async def said_back(port, data):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    return answer


async def test_what_is_forwarded_reaches_its_target_and_is_told_in_the_originals_words(kt_home):
    async with in_cluster() as (_, cluster, reporter), serving(echo) as target:
        port = target.port
        spec = spec_of(f"0:{target.host}:{port}")
        leads = await look(spec, cluster, "demo", reporter)
        with bound(spec, leads, reporter) as ports, running_agent() as agent:
            session = shadow_of(spec, cluster, "demo", ports).session
            shadow: Any = Agent(agent, session)
            forwarding = Forwarding(spec, cluster, shadow, ports, reporter)
            async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
                running = tasks.create_task(forwarding.run([lead for lead, _ in leads], 0.0))
                ready = await reporter.next_ready.get()
                local = ports[0].number
                assert f"via 'localhost:{local}'" in ready.banner
                assert ready.facts["ports"] == [f"127.0.0.1:{local} -> 127.0.0.1:{port}"]
                assert await said_back(local, b"hello") == b"hello"
                await until(lambda: any(each.health == "up" for each in reporter.states))
                running.cancel()
        assert any("answers in" in step for step in reporter.steps)


async def test_its_lease_says_what_is_forwarded(kt_home):
    async with in_cluster() as (api, cluster, reporter):
        spec = spec_of("db.corp:5432 other:80/udp")
        leads = await look(spec, cluster, "demo", reporter)
        shadow = shadow_of(spec, cluster, "demo", [port for _, listed in leads for port in listed])
        await shadow.lease.create()
        [lease] = [found for (kind, *_), found in api.objects.items() if kind == LEASE]
        record = record_of(lease)
        assert (record.mode, record.role) == ("forward", "shadow-forward")
        assert record.target == "db.corp, other"
        assert record.ports == ("5432:5432", "80:80/udp")
        assert record.name.startswith("kt-forward-")


async def test_nothing_is_made_for_what_is_not_there():
    async with in_cluster() as (api, cluster, reporter):
        before = set(api.objects)
        with pytest.raises(UsageError, match="no service/nix"):
            await look(spec_of("nix 80"), cluster, "demo", reporter)
        with pytest.raises(UsageError, match="80/tcp is wanted twice"):
            await look(spec_of("a:80 b:80"), cluster, "demo", reporter)
        api.denied = {("create", "leases", "demo")}
        with pytest.raises(Forbidden, match="create leases"):
            await look(spec_of("a:80"), cluster, "demo", reporter)
        assert set(api.objects) == before


async def test_local_ports_are_taken_first_and_given_back():
    async with in_cluster() as (_, cluster, reporter):
        spec = spec_of("0:a:80 0:b:80")
        leads = await look(spec, cluster, "demo", reporter)
        with bound(spec, leads, reporter) as ports:
            taken = ports[0].number
            again = spec_of(f"{taken}:a:80")
            second = await look(again, cluster, "demo", reporter)
            with pytest.raises(HostError, match="is taken"), bound(again, second, reporter):
                pytest.fail("the block must not begin")
        with bound(again, await look(again, cluster, "demo", reporter), reporter):
            assert reporter.warnings == []


async def test_listening_for_others_is_warned_of():
    async with in_cluster() as (_, cluster, _):
        reporter = Remembering()
        spec = spec_of("0:a:80", "0.0.0.0")
        with bound(spec, await look(spec, cluster, "demo", reporter), reporter):
            assert "everybody who reaches 0.0.0.0" in reporter.warnings[0][0]


async def test_a_dry_run_shows_what_would_be_made_and_makes_nothing(kt_home, tmp_path):
    async with in_cluster() as (api, _, reporter):
        path = tmp_path / "config"
        path.write_text(KUBECONFIG.format(url=api.url))
        before = set(api.objects)
        flags = replace(FLAGS, kubeconfig=str(path))
        await run(replace(spec_of("0:db.corp:5432"), cluster=flags, dry_run=True), reporter)
        assert [each["kind"] for each in reporter.created] == ["Lease", "ConfigMap", "Deployment"]
        assert "nothing was created" in reporter.notes[-1]
        assert set(api.objects) == before
