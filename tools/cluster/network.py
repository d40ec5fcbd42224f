"""The network: a switch, and a namespace for the control plane and for each node plugged into it.

    host ----+
             |  switch (a namespace with a bridge)
    control -+
    node-1 --+
    node-2 --+

Every participant has one cable, a veth pair, whose far end hangs in the switch. Pods are reached
by routes over the node's address, so nothing is translated or tunnelled. The host gets one
interface and a few routes, and keeps its own settings. Removing the namespaces removes it all.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from tools.cluster import mounts
from tools.cluster.places import (
    CONTROL_PLANE,
    CONTROL_PLANE_ADDRESS,
    HOST_ADDRESS,
    LINK_PREFIX,
    PREFIX,
    SERVICES,
    Node,
)
from tools.cluster.shell import ClusterError, run, succeeds

NAMESPACES = Path("/run/netns")
"""`ip` makes it, and mounts it on itself, with the first namespace of a machine."""
SWITCH = f"{PREFIX}-switch"
BRIDGE = "bridge"
HOST_INTERFACE = PREFIX
_HOST_END = Path("/sys/class/net") / HOST_INTERFACE
NODE_INTERFACE = "eth0"
BURST = "70kb"
"""A rate limit lets this much pass at once: a packet of a veth may have 64 KiB."""
UNKNOWN_QUEUE = "qdisc kind is unknown"
"""What tc says when the kernel lacks a module."""


def namespace_of(owner: str) -> str:
    return f"{PREFIX}-{owner}"


def namespace_file(owner: str) -> Path:
    return NAMESPACES / namespace_of(owner)


def inside(owner: str) -> list[str]:
    """What goes before a command that is to run in the namespace.

    Not `ip netns exec`: that mounts another /sys, where a kubelet finds no cgroups.
    """
    return ["nsenter", f"--net={namespace_file(owner)}", "--"]


def make_switch() -> None:
    """The switch, with the host and the control plane plugged in."""
    run("ip", "netns", "add", SWITCH)
    _ip(SWITCH, "link", "add", BRIDGE, "type", "bridge", "forward_delay", "0")
    _ip(SWITCH, "link", "set", BRIDGE, "up")
    run("ip", "link", "add", HOST_INTERFACE, "type", "veth", *_far_end("host"))
    run("ip", "address", "add", f"{HOST_ADDRESS}/{LINK_PREFIX}", "dev", HOST_INTERFACE)
    run("ip", "link", "set", HOST_INTERFACE, "up")
    _plug_in("host")
    _make_namespace(CONTROL_PLANE, CONTROL_PLANE_ADDRESS)


def make_node(node: Node, others: list[Node]) -> None:
    """A node's namespace, and the routes between its pods and everyone else's."""
    _make_namespace(node.name, node.address)
    run("ip", "route", "replace", node.pods, "via", node.address)
    _route(CONTROL_PLANE, node)
    for other in others:
        if namespace_file(other.name).exists():
            _route(other.name, node)
            _route(node.name, other)


def _make_namespace(owner: str, address: str) -> None:
    """Whole or not at all."""
    try:
        _fill_namespace(owner, address)
    except ClusterError:
        remove(owner)
        raise


def _fill_namespace(owner: str, address: str) -> None:
    space = namespace_of(owner)
    run("ip", "netns", "add", space)
    run("ip", "link", "add", NODE_INTERFACE, "netns", space, "type", "veth", *_far_end(owner))
    _ip(space, "link", "set", "lo", "up")
    _ip(space, "address", "add", f"{address}/{LINK_PREFIX}", "dev", NODE_INTERFACE)
    _ip(space, "link", "set", NODE_INTERFACE, "up")
    _plug_in(owner)
    # kube-proxy's rules see a packet to a Service only if there is a route for it.
    _ip(space, "route", "add", SERVICES, "dev", NODE_INTERFACE)
    run(*inside(owner), "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")


def _far_end(owner: str) -> list[str]:
    return ["peer", "name", owner, "netns", SWITCH]


def _plug_in(owner: str) -> None:
    _ip(SWITCH, "link", "set", owner, "master", BRIDGE, "up")


def _route(owner: str, node: Node) -> None:
    _ip(namespace_of(owner), "route", "replace", node.pods, "via", node.address)


def _ip(space: str, *words: str) -> None:
    run("ip", "-n", space, *words)


def cut(owner: str, is_cut: bool = True) -> None:
    """Pull the cable of a node or the control plane out of the switch, or plug it in again."""
    _ip(SWITCH, "link", "set", owner, "down" if is_cut else "up")


def slow_down(owner: str, kilobits_per_s: int | None) -> None:
    """Limit what reaches a node, and what leaves it, to a rate; None: full speed again.

    Raises:
        ClusterError: the kernel cannot limit rates.
    """
    ends = (["tc", "-n", SWITCH], owner), (["tc", "-n", namespace_of(owner)], NODE_INTERFACE)
    for tc, interface in ends:
        if kilobits_per_s is None:
            succeeds(*tc, "qdisc", "del", "dev", interface, "root")
            continue
        limit = ("tbf", "rate", f"{kilobits_per_s}kbit", "burst", BURST, "latency", "1s")
        try:
            run(*tc, "qdisc", "replace", "dev", interface, "root", *limit)
        except ClusterError as error:
            if UNKNOWN_QUEUE in str(error):
                raise ClusterError("this kernel has no token bucket filter (sch_tbf)") from error
            raise


def cut_off() -> list[str]:
    """Whose cable is pulled."""
    links = json.loads(run("ip", "-json", "-n", SWITCH, "link", "show", "type", "veth"))
    return [link["ifname"] for link in links if "UP" not in link["flags"]]


def slowed_down() -> list[str]:
    """Whose rate is limited."""
    queues = json.loads(run("tc", "-json", "-n", SWITCH, "qdisc", "show"))
    return [queue["dev"] for queue in queues if queue["kind"] == "tbf"]


def remove(owner: str) -> None:
    """A node's namespace and its cable; the routes to it stay until it comes back."""
    succeeds("ip", "-n", SWITCH, "link", "delete", owner)  # both ends; the kernel itself takes time
    succeeds("ip", "netns", "delete", namespace_of(owner))


def forget(node: Node) -> None:
    """The routes to a node's pods."""
    succeeds("ip", "route", "delete", node.pods)
    for owner in namespaces():
        succeeds("ip", "-n", namespace_of(owner), "route", "delete", node.pods)


def remove_all() -> None:
    if _HOST_END.exists():
        succeeds("ip", "link", "delete", HOST_INTERFACE)
    for owner in namespaces():
        remove(owner)
    if namespace_file("switch").exists():
        remove("switch")
    if _nobody_has_a_namespace():
        mounts.unmount_below(NAMESPACES)
        with contextlib.suppress(OSError):
            NAMESPACES.rmdir()


def _nobody_has_a_namespace() -> bool:
    return NAMESPACES.is_dir() and not any(NAMESPACES.iterdir())


def namespaces() -> list[str]:
    """The owners of the namespaces that exist, without the switch."""
    names = [place.name for place in NAMESPACES.glob(f"{PREFIX}-*")]
    return [name.removeprefix(f"{PREFIX}-") for name in sorted(names) if name != SWITCH]


def left() -> list[str]:
    """What `remove_all` would remove."""
    found = [str(namespace_file(owner)) for owner in namespaces()]
    found += [str(namespace_file("switch"))] if namespace_file("switch").exists() else []
    if _HOST_END.exists():
        found.append(f"interface {HOST_INTERFACE}")
    if _nobody_has_a_namespace():
        found += map(str, mounts.below(NAMESPACES))
    return found
