"""What needs no root; the rest is in tests/netns."""

import dataclasses
import json
from ipaddress import ip_address

import pytest

from ktconnect.apply.change import Change
from ktconnect.apply.engine import apply
from ktconnect.apply.journal import Journal
from ktconnect.apply.owner import Owner
from ktconnect.errors import HostError
from ktconnect.host.backend import HostBackend, hosts_key, resolv_conf_key
from ktconnect.host.network import HostNetwork, recover
from ktconnect.host.plan import DnsPlan, HostPlan

BEFORE = "127.0.0.1 localhost\n"


@pytest.fixture
def backend(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/hosts").write_text(BEFORE)
    return HostBackend(tmp_path)


async def left_behind(backend, directory, session):
    """A session that was killed after it had changed both files."""
    journal = Journal.open(directory, session)
    changes = [
        Change("host", hosts_key("s1"), ["10.96.0.7 web"]),
        Change("host", resolv_conf_key(session), ["nameserver 127.0.0.77"]),
    ]
    await apply(changes, {"host": backend}, journal)
    gone = dataclasses.asdict(dataclasses.replace(Owner.current(), start="1"))
    _, rest = journal.path.read_bytes().split(b"\n", 1)
    journal.path.write_bytes(json.dumps(gone).encode() + b"\n" + rest)


async def test_what_a_dead_session_left_is_undone_once(backend, tmp_path):
    await left_behind(backend, tmp_path / "journal", "s1")
    done = await recover(backend, tmp_path / "journal")
    assert done == ["restored /etc/resolv.conf", "restored /etc/hosts"]
    assert (tmp_path / "etc/hosts").read_text() == BEFORE
    assert not (tmp_path / "etc/resolv.conf").exists()
    assert await recover(backend, tmp_path / "journal") == []


async def test_what_can_not_be_written_now_is_tried_again(backend, tmp_path):
    await left_behind(backend, tmp_path / "journal", "s1")
    hosts, away = tmp_path / "etc/hosts", tmp_path / "hosts"
    hosts.rename(away)
    hosts.symlink_to("hosts")  # leads to itself, so that even root can't write it
    for _ in range(2):
        (line,) = await recover(backend, tmp_path / "journal")
        assert "etc/hosts can't be read" in line
    away.rename(hosts)
    done = await recover(backend, tmp_path / "journal")
    assert done == ["restored /etc/resolv.conf", "restored /etc/hosts"]
    assert hosts.read_text() == BEFORE


async def test_what_others_changed_is_reported_once_and_left(backend, tmp_path):
    await left_behind(backend, tmp_path / "journal", "s1")
    hosts = tmp_path / "etc/hosts"
    theirs = hosts.read_text().replace("10.96.0.7", "10.96.0.8")
    hosts.write_text(theirs)
    (line,) = await recover(backend, tmp_path / "journal")
    assert "session s1: could not be undone: file/etc/hosts#s1" in line
    assert hosts.read_text() == theirs
    assert not (tmp_path / "etc/resolv.conf").exists()
    assert await recover(backend, tmp_path / "journal") == []


@pytest.mark.parametrize(
    ("dns", "file"),
    [(DnsPlan("resolv.conf"), "resolv.conf"), (DnsPlan(hosts=()), "hosts")],
)
def test_only_files_that_a_plan_changes_must_be_writable(backend, tmp_path, dns, file):
    plan = HostPlan("s1", "kt0", (ip_address("198.18.0.1"),), (), (0, 0))
    (tmp_path / "etc/hosts").unlink()
    for name in ("hosts", "resolv.conf"):
        (tmp_path / "etc" / name).symlink_to(name)  # leads to itself: even root can't write it
    network = HostNetwork(None, backend)  # type: ignore[arg-type]
    network.check(plan)
    with pytest.raises(HostError, match=f"etc/{file} can't be written"):
        network.check(dataclasses.replace(plan, dns=dns))
