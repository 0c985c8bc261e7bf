import asyncio
from dataclasses import replace

import pytest
from tests.unit.host.test_remote import FakeDoor, work_once_started
from tests.unit.modes.connecting import SPEC, VIEW, in_cluster
from tests.unit.modes.reporting import Remembering

from ktconnect.errors import Forbidden, HostError
from ktconnect.host.laptop import LaptopNetworks, Resolver
from ktconnect.modes.connect.mode import look_at_cluster, look_at_laptop, open_shadow, rehearse
from ktconnect.modes.connect.view import Hosts
from ktconnect.modes.dryrun import NOTHING_DONE
from ktconnect.modes.spec import DnsSpec
from ktconnect.objects.session import LEASE


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))


async def test_the_cluster_is_looked_at_before_anything_is_made():
    async with in_cluster() as (api, cluster, reporter):
        view = await look_at_cluster(SPEC, cluster, reporter)
        assert view.namespace == "default"
        assert ("web", "demo") in view.facts.services
        assert reporter.steps[0].startswith("Kubernetes v1.36.3 at http://127.0.0.1")
        assert not any(kind == LEASE for kind, _, _ in api.objects)


async def test_a_missing_right_ends_it_before_anything_is_made():
    async with in_cluster() as (api, cluster, reporter):
        api.denied = {("create", "configmaps", "default")}
        with pytest.raises(Forbidden, match="create configmaps"):
            await look_at_cluster(SPEC, cluster, reporter)
        assert not any(kind == LEASE for kind, _, _ in api.objects)


@pytest.mark.parametrize("dns", [DnsSpec(), DnsSpec("hosts")])
async def test_a_file_that_cannot_be_written_is_seen_while_this_machine_is_looked_at(dns):
    laptop = LaptopNetworks(("lo",), (), (), Resolver("resolv.conf"))
    refusal = {"error": "/etc/resolv.conf can't be written", "hint": "see why"}
    door = FakeDoor(facts={"facts": laptop.to_json()}, check=refusal)
    view = replace(VIEW, spec=replace(SPEC, dns=dns), hosts=Hosts(("10.96.0.7 web",)))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(work_once_started(door))
        with pytest.raises(HostError, match=r"resolv\.conf can't be written"):
            await look_at_laptop(view, door, Remembering())
    assert [request["do"] for request in door.asked] == ["recover", "facts", "check"]
    told = door.asked[-1]["plan"]["dns"]
    assert (told["mode"], told["hosts"]) == (
        ("none", ["10.96.0.7 web"]) if dns.kind == "hosts" else ("resolv.conf", None)
    )


async def test_sharing_an_agent_needs_a_right_more():
    async with in_cluster() as (api, cluster, reporter):
        api.denied = {("patch", "deployments", "default")}
        await look_at_cluster(SPEC, cluster, reporter)
        with pytest.raises(Forbidden, match=r"patch deployments\.apps"):
            await look_at_cluster(replace(SPEC, share_shadow=True), cluster, reporter)


async def test_an_agent_that_does_not_come_leaves_nothing_behind():
    async with in_cluster() as (api, cluster, reporter):
        before = set(api.objects)
        with pytest.raises(Exception, match="no Pod was"):
            async with open_shadow(VIEW, cluster, reporter):
                pass
        assert set(api.objects) == before
        assert reporter.steps[-1] == "Nothing of ours is left in the cluster"


@pytest.mark.parametrize("tun", [True, False])
async def test_a_dry_run_tells_what_would_be_made_and_makes_nothing(tun):
    async with in_cluster() as (api, _, reporter):
        before = set(api.objects)
        spec = replace(SPEC, disable_tun_device=not tun, dry_run=True)
        await rehearse(spec, api.config(), reporter)
        assert set(api.objects) == before
        kinds = [manifest["kind"] for manifest in reporter.created]
        assert kinds == ["Lease", "ConfigMap", "Deployment"]
        assert any("would get a TUN device" in note for note in reporter.notes) is tun
        assert reporter.notes[-1] == NOTHING_DONE


async def test_a_cluster_out_of_reach_at_the_end_is_told_and_remembered():
    async with in_cluster() as (api, cluster, reporter):
        api.denied = {("delete", "deployments", "demo")}
        with pytest.raises(Exception, match="no Pod was"):
            async with open_shadow(VIEW, cluster, reporter):
                pass
        [(warning, hint)] = reporter.warnings
        assert "still in the cluster" in warning
        assert "next ktctl command" in hint
