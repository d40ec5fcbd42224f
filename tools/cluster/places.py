"""Where the cluster keeps its files, and the names and addresses that it uses.

There is one cluster on a machine, so every name is fixed: whoever comes after a crash finds, by
name alone, all that was left behind.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

CACHE = Path(os.environ.get("MATINEE_CACHE", "/var/cache/matinee"))
"""What is expensive to make and can be made again: binaries, base image, image layers."""
STATE = Path("/var/lib/matinee-cluster")
"""What one cluster writes; `down` removes it."""
HOSTPATHS = STATE / "volumes"
PREFIX = "matinee"
"""Of cgroups, network namespaces and interfaces."""

SERVICES = "198.19.0.0/24"
API_SERVICE, DNS_SERVICE = "198.19.0.1", "198.19.0.10"
PODS = "198.18.0.0/17"
LINKS = "198.18.255.0/24"
LINK_PREFIX = 24
HOST_ADDRESS, CONTROL_PLANE_ADDRESS = "198.18.255.254", "198.18.255.1"
API_PORT = 6443
DOMAIN = "cluster.local"
CONTROL_PLANE = "control-plane"
MAX_NODES = 100


@dataclass(frozen=True)
class Node:
    """A worker node, `node-1` and so on: everything about it follows from its number."""

    number: int

    @classmethod
    def named(cls, name: str) -> Node:
        prefix, _, number = name.rpartition("-")
        if not (prefix == "node" and number.isdigit() and 0 < int(number) <= MAX_NODES):
            raise ValueError(f"{name} is no node: nodes are called node-1 to node-{MAX_NODES}")
        return cls(int(number))

    @property
    def name(self) -> str:
        return f"node-{self.number}"

    @property
    def address(self) -> str:
        return f"198.18.255.{10 + self.number}"

    @property
    def pods(self) -> str:
        """The range that its pods get addresses from."""
        return f"198.18.{self.number}.0/24"

    @property
    def folder(self) -> Path:
        return STATE / "nodes" / self.name


def nodes() -> list[Node]:
    """The nodes that have been added and not removed, killed ones among them."""
    folder = STATE / "nodes"
    names = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    return sorted((Node.named(name) for name in names), key=lambda node: node.number)


def log_file(owner: str, component: str) -> Path:
    """`owner`: a node's name or `control-plane`."""
    return STATE / "logs" / owner / f"{component}.log"


def kubeconfig(user: str = "admin") -> Path:
    return STATE / "kubeconfigs" / user


def certificate(name: str) -> Path:
    return STATE / "pki" / f"{name}.crt"


def private_key(name: str) -> Path:
    return STATE / "pki" / f"{name}.key"


BINARIES = CACHE / "bin"
"""Links to the programs, for PATH."""
