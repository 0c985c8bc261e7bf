from tests.unit.kube.fakeexec import SUCCESS, FakeExec, failed
from tests.unit.tunnel.ends import until

from ktconnect.groups import task_group
from ktconnect.kube.client import Cluster
from ktconnect.modes.exchange import older as module
from ktconnect.modes.exchange.older import Older

UNKNOWN = "how many there are can't be seen from here"


def connections(*callers: str) -> bytes:
    rows = "".join(f" 1: 0A01F40A:1F90 {caller}:A11A 01 0\n" for caller in callers)
    return f"  sl  local_address rem_address st\n{rows}".encode()


class Shop(Cluster):
    """A cluster whose Pods are these, and whose exec is a fake one."""

    pods: tuple[str, ...] = ("web-0", "web-1")

    async def list(self, kind, namespace="", *, labels="", **more):
        if labels.startswith("kt-session="):
            return [{"status": {"podIPs": [{"ip": "10.244.1.9"}]}}]
        assert labels == "app=web"
        return [
            {
                "metadata": {"name": name},
                "spec": {"containers": [{"name": "first"}, {"name": "second"}]},
                "status": {"phase": "Running"},
            }
            for name in self.pods
        ]


def counting(cluster: Cluster) -> Older:
    return Older(cluster, "shop", "web-kt-exchange-abcde", {8080})


async def counted(fake: FakeExec) -> Older:
    async with fake.serving(), Shop(fake.config()) as cluster:
        found = counting(cluster)
        await found.keep({"app": "web"})
        return found


async def test_they_are_counted_until_none_is_left_and_new_ones_are_not_among_them(monkeypatch):
    monkeypatch.setattr(module, "EVERY", 0.01)
    said = {
        "web-0": (connections("0701F40A", "0801F40A", "0901F40A"), SUCCESS),  # the last is ours
        "web-1": (connections("0701F40A"), SUCCESS),
    }
    fake = FakeExec(said)
    async with fake.serving(), Shop(fake.config()) as cluster:
        found = counting(cluster)
        assert found.told.endswith("until they end; they are being counted")
        async with task_group() as tasks:
            tasks.create_task(found.keep({"app": "web"}))
            await until(lambda: found.count == 3)
            assert found.told.startswith("3 connections that were open before stay with the Pods")
            fake.said["web-1"] = (connections("0A01F40A"), SUCCESS)
            fake.said["web-0"] = (connections("0801F40A"), SUCCESS)
            await until(lambda: found.count == 1)
            assert found.told.startswith("1 connection that was open before stays with its Pod")
            fake.said["web-0"] = (connections(), SUCCESS)
    assert found.count == 0
    assert found.told == "no connection was open before"


async def test_a_slow_answer_is_asked_for_again(monkeypatch):
    monkeypatch.setattr(module, "EVERY", 0.01)
    monkeypatch.setattr("ktconnect.kube.exec.LIMIT", 0.1)
    fake = FakeExec({"web-0": (connections("0701F40A"), SUCCESS)})  # web-1 never ends
    async with fake.serving(), Shop(fake.config()) as cluster:
        found = counting(cluster)
        async with task_group() as tasks:
            tasks.create_task(found.keep({"app": "web"}))
            await until(lambda: len(fake.commands) > 2)
            assert found.count is None
            assert UNKNOWN not in found.told
            fake.said["web-1"] = (connections(), SUCCESS)
            await until(lambda: found.count == 1)
            fake.said["web-0"] = (connections(), SUCCESS)
    assert found.count == 0


async def test_where_a_pod_can_not_be_asked_nothing_is_known():
    said = {"web-0": (b"", failed("cat: not found")), "web-1": (connections("0701F40A"), SUCCESS)}
    found = await counted(FakeExec(said))
    assert found.count is None
    assert UNKNOWN in found.told


async def test_very_many_pods_are_not_asked(monkeypatch):
    monkeypatch.setattr(module, "MOST", 1)
    fake = FakeExec({})
    found = await counted(fake)
    assert found.count is None
    assert not fake.commands
