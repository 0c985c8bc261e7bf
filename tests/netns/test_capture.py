"""What is sent to the cluster's ranges arrives here, and what isn't doesn't."""

import json
import subprocess

import pytest

pytestmark = [pytest.mark.netns, pytest.mark.timeout(120)]

RANGES = {"ranges": ["10.96.0.0/12", "fd00:96::/108"]}

VPN = "ip tuntap add vpn0 mode tun && ip link set vpn0 up && ip route add 10.0.0.0/8 dev vpn0"

CALL = """
import socket, sys
host, port = sys.argv[1], int(sys.argv[2])
with socket.create_connection((host, port), 5) as sock:
    print(sock.makefile().read())
"""

SEND = """
import json, socket, sys
host, port, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
info = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
sock = socket.socket(info[0], socket.SOCK_DGRAM)
sock.settimeout(5)
sock.connect(info[4])
answers = []
for n in range(3):
    sock.send(bytes([n]) * size)
    try:
        answers.append(sock.recv(70000) == bytes([n]) * size)
    except ConnectionRefusedError:
        answers.append("refused")
print(json.dumps(answers))
"""


def call(laptop, host, port):
    return laptop.run("python3", "-c", CALL, host, str(port)).stdout.strip()


def send(laptop, host, port, size=1200):
    return json.loads(laptop.run("python3", "-c", SEND, host, str(port), str(size)).stdout)


def test_tcp_is_redirected_and_its_destination_is_kept(laptop):
    laptop.connect(**RANGES)
    assert call(laptop, "10.96.0.10", 443) == "tcp:10.96.0.10:443"
    assert call(laptop, "10.111.255.254", 65535) == "tcp:10.111.255.254:65535"
    assert call(laptop, "fd00:96::a", 80) == "tcp:[fd00:96::a]:80"


@pytest.mark.parametrize(("host", "size"), [("10.96.0.10", 65507), ("fd00:96::a", 60000)])
def test_udp_goes_through_the_tunnel_and_back_up_to_the_longest_datagram(laptop, host, size):
    laptop.connect(**RANGES)
    assert send(laptop, host, 53, 1) == [True, True, True]
    assert send(laptop, host, 53, size) == [True, True, True]


@pytest.mark.parametrize("host", ["10.96.0.10", "fd00:96::a"])
def test_a_closed_udp_port_is_refused_at_once(laptop, host):
    laptop.connect(**RANGES)
    assert "refused" in send(laptop, host, 9)


@pytest.mark.parametrize("host", ["10.96.0.10", "fd00:96::a"])
def test_ping_is_answered_when_the_target_answers(laptop, host):
    laptop.connect(**RANGES)
    assert laptop.python(PING, host) == [[1, True], [2, True], [3, True]]


@pytest.mark.parametrize("host", ["10.96.0.99", "fd00:96::99"])
def test_ping_is_not_answered_when_nobody_lives_there(laptop, host):
    laptop.connect(**RANGES)
    assert laptop.python(PING, host) == []


PING = """
import json, socket, struct, sys
host = sys.argv[1]
six = ":" in host
family, proto = (socket.AF_INET6, 58) if six else (socket.AF_INET, 1)
sock = socket.socket(family, socket.SOCK_RAW, proto)
sock.settimeout(0.5)
sock.connect((host, 0))

def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF

seen = []
for sequence in (1, 2, 3):
    body = struct.pack("!HH", 4711, sequence) + b"same data"[:8]
    request = struct.pack("!BBH", 128 if six else 8, 0, 0) + body
    if not six:
        request = request[:2] + struct.pack("!H", checksum(request)) + request[4:]
    sock.send(request)
for sequence in (1, 2, 3):
    try:
        answer = sock.recv(2000)
    except TimeoutError:
        break
    answer = answer if six else answer[20:]
    number = struct.unpack("!H", answer[6:8])[0]
    seen.append([number, answer[0] == (129 if six else 0) and answer[8:] == b"same dat"])
print(json.dumps(seen))
"""


def test_excluded_addresses_are_not_caught(laptop):
    session = laptop.connect(
        ranges=["10.96.0.0/12"], exclude=["10.96.7.0/24"], api_servers=["10.96.0.1"]
    )
    assert call(laptop, "10.96.0.2", 80) == "tcp:10.96.0.2:80"
    for host in ("10.96.7.1", "10.96.0.1"):
        assert "unreachable" in laptop.run("ip", "route", "get", host, check=False).stderr
    assert len(session.facts["plan"]["networks"]) > 2


def test_the_listener_itself_is_no_destination(laptop):
    session = laptop.connect(**RANGES)
    port = session.facts["plan"]["redirect_ports"][0]
    refused = laptop.run("python3", "-c", CALL, "127.0.0.1", str(port), check=False)
    assert "ConnectionResetError" in refused.stderr


def test_more_and_fewer_ranges_can_be_set_while_connected(laptop):
    session = laptop.connect(ranges=["10.96.0.0/12"])
    assert session.ask(ranges=["10.96.0.0/12", "10.244.0.0/16", "fd00:96::/108"]) == {"set": True}
    assert call(laptop, "10.244.3.2", 80) == "tcp:10.244.3.2:80"
    assert call(laptop, "fd00:96::1", 80) == "tcp:[fd00:96::1]:80"
    assert session.ask(ranges=["10.244.0.0/16"]) == {"set": True}
    assert call(laptop, "10.244.3.2", 80) == "tcp:10.244.3.2:80"
    routes = laptop.sh("ip route; ip -6 route")
    assert "10.96" not in routes
    assert "fd00:96::" not in routes


def test_other_parts_of_a_plan_can_not_change_while_connected(laptop):
    session = laptop.connect(ranges=["10.96.0.0/12"])
    before = laptop.state()
    assert "only networks and names" in session.ask(raw={"redirect_ports": [1, 2]})["error"]
    assert laptop.state() == before


def test_routes_of_the_laptop_in_the_way_are_found_before_anything_is_touched(laptop):
    laptop.sh(VPN)
    before = laptop.state()
    session = laptop.connect(**RANGES)
    assert "10.96.0.0/12 overlaps 10.0.0.0/8" in session.facts["error"]
    assert "vpn0" in session.facts["error"]
    assert "--excludeIps 10.96.0.0/12" in session.facts["hint"]
    session.end()
    assert laptop.state() == before


def test_a_range_that_the_user_includes_may_lie_in_a_network_of_the_laptop(laptop):
    laptop.sh(VPN)
    laptop.connect(include=["10.96.0.0/12"])
    assert call(laptop, "10.96.0.10", 80) == "tcp:10.96.0.10:80"


def test_a_device_name_and_addresses_in_use_are_left_alone(laptop):
    laptop.sh(
        "ip tuntap add kt0 mode tun && ip addr add 198.18.0.9/24 dev kt0 && ip link set kt0 up"
    )
    plan = laptop.connect(ranges=["10.96.0.0/12"]).facts["plan"]
    assert plan["tun"] == "kt1"
    assert plan["addresses"][0] == "198.18.1.1"
    assert call(laptop, "10.96.0.10", 80) == "tcp:10.96.0.10:80"


@pytest.fixture
def container(laptop):
    """A network behind the laptop, as container engines make one."""
    with subprocess.Popen(
        ["unshare", "--net", "sh", "-c", "echo; exec cat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "\n"
        laptop.sh(
            f"ip link add br0 type veth peer name eth0 netns /proc/{holder.pid}/ns/net;"
            "ip addr add 172.30.0.1/24 dev br0; ip addr add fd00:30::1/64 dev br0 nodad;"
            "ip link set br0 up; sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1"
        )
        inside = ["nsenter", f"--target={holder.pid}", "--net"]
        setup = (
            "ip link set lo up; ip addr add 172.30.0.2/24 dev eth0; ip link set eth0 up;"
            "ip addr add fd00:30::2/64 dev eth0 nodad; ip route add default via 172.30.0.1;"
            "ip -6 route add default via fd00:30::1"
        )
        subprocess.run([*inside, "sh", "-c", setup], check=True)
        yield inside
        holder.communicate()


def from_inside(container, code, *argv):
    return subprocess.run(
        [*container, "python3", "-c", code, *argv], capture_output=True, text=True, timeout=20
    )


def test_containers_of_the_laptop_are_caught_too_on_request(laptop, container):
    laptop.connect(**RANGES, forwarded=True)
    for host, target in (("10.96.0.10", "10.96.0.10"), ("fd00:96::a", "[fd00:96::a]")):
        answer = from_inside(container, CALL, host, "443")
        assert answer.stdout.strip() == f"tcp:{target}:443", answer.stderr
        assert json.loads(from_inside(container, SEND, host, "53", "900").stdout) == [True] * 3
    assert call(laptop, "10.96.0.10", 80) == "tcp:10.96.0.10:80"


def test_the_listener_itself_is_no_destination_for_containers_either(laptop, container):
    session = laptop.connect(**RANGES, forwarded=True)
    port = session.facts["plan"]["redirect_ports"][0]
    assert "Reset" in from_inside(container, CALL, "172.30.0.1", str(port)).stderr


def test_containers_are_refused_without_the_request(laptop, container):
    laptop.connect(**RANGES)
    assert "Refused" in from_inside(container, CALL, "10.96.0.10", "443").stderr
