"""Networks as text."""

from playground import wiring
from playground.plan import Plan

PLAN = Plan("t", 2)


def test_every_machine_gets_links_and_settings() -> None:
    assert [machine for machine, _ in wiring.links(PLAN)] == list(PLAN.machines)
    assert all(wiring.sysctls(machine) for machine in PLAN.machines)


def test_a_node_has_routes_to_the_pods_of_the_other_nodes_only() -> None:
    lines = dict(wiring.links(PLAN))["node1"]
    assert "route add 10.244.2.0/24 via 10.213.0.12" in lines
    assert "route add fd00:10:244:2::/64 via fd00:10:213::12" in lines
    assert not any("10.244.1.0/24" in line for line in lines)


def test_links_are_made_only_between_namespaces_of_the_playground() -> None:
    peers = [
        line.split("netns ")[1]
        for _, lines in wiring.links(PLAN)
        for line in lines
        if "type veth" in line
    ]
    assert sorted(peers) == sorted(
        PLAN.namespace(machine) for machine in ("line", "laptop", "node1", "node2")
    )


def test_the_firewall_opens_the_api_server_of_both_families() -> None:
    rules = wiring.firewall(PLAN)
    assert "ip daddr 10.213.0.11 tcp dport 6443 accept" in rules
    assert "ip6 daddr fd00:10:213::11 tcp dport 6443 accept" in rules
    assert "policy drop" in rules
