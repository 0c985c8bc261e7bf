"""Names are asked of us while connected, and of nobody else's by mistake; then as before."""

import os
import time

import pytest

pytestmark = [pytest.mark.netns, pytest.mark.timeout(120)]

NAMES = {"ranges": ["10.96.0.0/12"], "dns": "resolv.conf"}
LOOKS = 15  # seconds in which a rewritten file has been seen, on a busy machine too

LOOK_UP = """
import json, socket, sys
try:
    print(json.dumps(socket.getaddrinfo(sys.argv[1], 80, socket.AF_INET)[0][4][0]))
except OSError as error:
    print(json.dumps(str(error)))
"""


def look_up(laptop, name):
    return laptop.python(LOOK_UP, name)


@pytest.fixture
def upstream(laptop):
    assert laptop.connect(upstream="127.0.0.9").facts == {"ready": True}


def wait_for(condition):
    deadline = time.monotonic() + LOOKS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.usefixtures("upstream")
def test_names_are_asked_of_us_while_connected_and_of_the_old_server_after(laptop):
    assert look_up(laptop, "web.demo") == "192.0.2.53"
    session = laptop.connect(**NAMES)
    assert look_up(laptop, "web.demo") == "10.96.0.53"
    session.end()
    assert look_up(laptop, "web.demo") == "192.0.2.53"


@pytest.mark.usefixtures("upstream")
def test_names_still_work_when_everything_of_ours_was_killed(laptop):
    session = laptop.connect(**NAMES)
    door, worker = session.door, session.worker
    for pid in (session.process.pid, door, worker):
        os.kill(pid, 19)
    for pid in (worker, door):
        os.kill(pid, 9)
    session.kill()
    assert b"127.0.0.77" in laptop.state()["files"][0]
    began = time.monotonic()
    assert look_up(laptop, "web.demo") == "192.0.2.53"
    assert time.monotonic() - began < 1


def test_a_resolv_conf_rewritten_by_others_is_ours_again_and_theirs_at_the_end(laptop):
    session = laptop.connect(**NAMES, search=["demo.svc.cluster.local"])
    path = laptop.etc / "resolv.conf"
    path.write_text("search home.example\nnameserver 127.0.0.10\n")
    assert session.hear()["event"]["nameservers"] == ["127.0.0.10"]
    wait_for(lambda: path.read_text().startswith("# Kt Begin"))
    ours = path.read_text().splitlines()
    assert ours[1] == "nameserver 127.0.0.77"
    assert ours[2] == "search demo.svc.cluster.local home.example"
    session.end()
    assert path.read_text() == "search home.example\nnameserver 127.0.0.10\n"


def test_what_others_wrote_just_before_the_end_stays(laptop):
    session = laptop.connect(**NAMES, hosts=["10.96.0.7 web"])
    resolv, hosts = laptop.etc / "resolv.conf", laptop.etc / "hosts"
    resolv.write_text(resolv.read_text() + "\noptions rotate\n")
    hosts.write_text("127.0.0.2 mine\n" + hosts.read_text())
    session.end()
    assert resolv.read_text().endswith("options timeout:1\noptions rotate\n")
    assert "Kt" not in resolv.read_text()
    assert hosts.read_text() == "127.0.0.2 mine\n127.0.0.1 localhost\n::1 localhost"


def test_the_hosts_block_follows_the_plan_and_is_put_back(laptop):
    session = laptop.connect(ranges=["10.96.0.0/12"], hosts=["10.96.0.7 web web.demo"])
    path = laptop.etc / "hosts"
    assert look_up(laptop, "web.demo") == "10.96.0.7"
    assert session.ask(hosts=["10.96.0.8 web web.demo"]) == {"set": True}
    assert look_up(laptop, "web.demo") == "10.96.0.8"
    path.write_text("127.0.0.1 localhost\n")
    wait_for(lambda: "10.96.0.8" in path.read_text())
    session.end()
    assert path.read_text() == "127.0.0.1 localhost\n"


def test_half_a_hosts_block_is_refused_and_nothing_is_changed(laptop):
    (laptop.etc / "hosts").write_text("# Kt Hosts Begin s1\n10.0.0.1 old\n")
    before = laptop.state()
    session = laptop.connect(ranges=["10.96.0.0/12"], hosts=["10.96.0.7 web"])
    assert "not whole" in session.facts["error"]
    session.end()
    assert laptop.state() == before


def test_a_symlink_stays_one(laptop):
    laptop.sh("umount /etc/resolv.conf; mkdir /run/net; cp /etc/resolv.conf /run/net/resolv.conf")
    laptop.sh("mkdir /run/etc; cp -a /etc/. /run/etc/; mount --bind /run/etc /etc")
    laptop.sh("ln -sf ../run/net/resolv.conf /etc/resolv.conf")
    before = laptop.sh("cat /run/net/resolv.conf")
    session = laptop.connect(**NAMES)
    assert laptop.sh("readlink /etc/resolv.conf") == "../run/net/resolv.conf\n"
    assert "127.0.0.77" in laptop.sh("cat /run/net/resolv.conf")
    session.end()
    assert laptop.sh("readlink /etc/resolv.conf") == "../run/net/resolv.conf\n"
    assert laptop.sh("cat /run/net/resolv.conf") == before


def test_without_a_resolv_conf_there_is_none_after(laptop):
    laptop.sh("umount /etc/resolv.conf; mkdir /run/etc; cp -a /etc/. /run/etc/")
    laptop.sh("mount --bind /run/etc /etc; rm /etc/resolv.conf")
    session = laptop.connect(**NAMES)
    assert "nameserver 127.0.0.77" in laptop.sh("cat /etc/resolv.conf")
    session.end()
    assert laptop.sh("ls /etc/resolv.conf 2>&1 || true").endswith("No such file or directory\n")


def test_another_name_server_on_every_address_is_reported(laptop):
    assert laptop.connect(upstream="0.0.0.0").facts == {"ready": True}
    before = laptop.state()
    session = laptop.connect(**NAMES)
    assert "another program answers names on port 53" in session.facts["error"]
    session.end()
    assert laptop.state() == before
