"""Names and addresses."""

from ipaddress import ip_address, ip_network

import pytest

from playground.errors import PlaygroundError
from playground.plan import (
    LAPTOP,
    LAPTOP_RANGES,
    MOST_NODES,
    NODE_RANGES,
    POD_RANGES,
    SERVICE_RANGES,
    Node,
    Plan,
    machine_of,
)

EVERY_NODE = [Node(number) for number in range(1, MOST_NODES + 1)]


@pytest.mark.parametrize("node", EVERY_NODE)
def test_a_node_and_its_pods_lie_in_the_ranges_of_nodes_and_pods(node: Node) -> None:
    for address, whole in zip(node.addresses, NODE_RANGES, strict=True):
        assert ip_address(address) in ip_network(whole)
    for pods, whole in zip(node.pod_ranges, POD_RANGES, strict=True):
        assert ip_network(pods).subnet_of(ip_network(whole))  # type: ignore[arg-type]


def test_no_two_nodes_share_an_address_or_a_range() -> None:
    assert len({node.addresses for node in EVERY_NODE}) == MOST_NODES
    assert len({node.pod_ranges for node in EVERY_NODE}) == MOST_NODES


def test_the_ranges_do_not_overlap() -> None:
    for family in (0, 1):
        ranges = [POD_RANGES, SERVICE_RANGES, NODE_RANGES, LAPTOP_RANGES]
        networks = [ip_network(both[family]) for both in ranges]
        for index, one in enumerate(networks):
            assert not any(one.overlaps(other) for other in networks[index + 1 :])


def test_the_laptop_lies_in_its_range() -> None:
    for address, whole in zip(LAPTOP, LAPTOP_RANGES, strict=True):
        assert ip_address(address) in ip_network(whole)


@pytest.mark.parametrize("name", ["", "Upper", "a_b", "-a", "a-", "x" * 21, "a/b"])
def test_a_name_that_namespaces_could_not_bear_is_refused(name: str) -> None:
    with pytest.raises(PlaygroundError, match="can't be the name"):
        Plan(name, 1)


@pytest.mark.parametrize("count", [0, MOST_NODES + 1])
def test_a_number_of_nodes_without_addresses_is_refused(count: int) -> None:
    with pytest.raises(PlaygroundError, match="not possible"):
        Plan("a", count)


def test_every_namespace_of_a_playground_is_recognised_as_its_own() -> None:
    plan = Plan("mine", 2)
    assert [machine_of("mine", plan.namespace(each)) for each in plan.machines] == list(
        plan.machines
    )


def test_a_playground_whose_name_begins_alike_is_not_mistaken_for_this_one() -> None:
    assert machine_of("mine", Plan("mine-2", 1).namespace("router")) is None
    assert machine_of("mine-2", Plan("mine", 1).namespace("router")) is None
