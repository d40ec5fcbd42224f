from __future__ import annotations

import ipaddress

import pytest

from tools.cluster import places
from tools.cluster.places import MAX_NODES, Node


@pytest.mark.parametrize("name", ["node-0", "node-101", "node-", "node-x", "worker-1", "1"])
def test_other_names_are_no_nodes(name: str) -> None:
    with pytest.raises(ValueError, match="is no node"):
        Node.named(name)


def test_a_node_is_its_number() -> None:
    node = Node.named("node-7")
    assert node == Node(7)
    assert (node.name, node.address, node.pods) == ("node-7", "198.18.255.17", "198.18.7.0/24")


def test_addresses_do_not_overlap_and_stay_in_the_range_for_tests() -> None:
    everyone = [Node(number + 1) for number in range(MAX_NODES)]
    links = {ipaddress.IPv4Address(node.address) for node in everyone}
    links |= {ipaddress.IPv4Address(a) for a in (places.HOST_ADDRESS, places.CONTROL_PLANE_ADDRESS)}
    assert len(links) == MAX_NODES + 2
    link_range = ipaddress.IPv4Network(places.LINKS)
    assert all(address in link_range for address in links)
    ranges = [ipaddress.IPv4Network(node.pods) for node in everyone]
    ranges += [link_range, ipaddress.IPv4Network(places.SERVICES)]
    allowed = ipaddress.IPv4Network("198.18.0.0/15")
    for one in ranges:
        assert one.subnet_of(allowed)
        assert [other for other in ranges if other.overlaps(one)] == [one]
    assert all(r.subnet_of(ipaddress.IPv4Network(places.PODS)) for r in ranges[:MAX_NODES])
