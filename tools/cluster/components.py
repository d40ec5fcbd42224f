"""Starting a component in its namespace and its group, and seeing that it lives.

A component is a process that goes on when the command that started it ends. Its group of processes
(cgroups.py) is the only record of it.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tools.cluster import cgroups, network
from tools.cluster.places import CONTROL_PLANE, PREFIX, STATE, log_file
from tools.cluster.shell import ClusterError

READY_TIMEOUT_S = 120.0
LOG_TAIL_LINES = 15
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ENTER = 'echo $$ > "$0" && exec setsid --fork "$@"'
"""Join the group named first, then start the program as nobody's child."""


@dataclass(frozen=True)
class Component:
    """`owner`: a node's name or `control-plane`, whose namespace it runs in."""

    owner: str
    name: str
    command: Sequence[str | Path]
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def group(self) -> str:
        return group_of(self.owner, self.name)


def group_of(owner: str, component: str | None = None) -> str:
    return "/".join(part for part in (PREFIX, owner, component) if part)


def start(component: Component) -> None:
    """Start it, unless it runs."""
    if cgroups.processes(component.group):
        return
    folder = cgroups.make_tracking(component.group)
    log = log_file(component.owner, component.name)
    log.parent.mkdir(parents=True, exist_ok=True)
    words = [*network.inside(component.owner), *map(str, component.command)]
    with log.open("ab") as output:
        subprocess.run(
            ["sh", "-c", _ENTER, str(folder / "cgroup.procs"), *words],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={"PATH": PATH, "HOME": str(STATE), **component.environment},
            cwd="/",
            check=True,
        )


def stop(owner: str, name: str) -> None:
    """Kill it, at once."""
    cgroups.kill(group_of(owner, name))


def remove(owner: str, name: str) -> None:
    """Kill it, and forget that it was there."""
    stop(owner, name)
    cgroups.remove(group_of(owner, name))


def pause(owner: str, name: str) -> None:
    """Freeze it: its sockets stay open and nobody answers."""
    cgroups.freeze(group_of(owner, name))


def resume(owner: str, name: str) -> None:
    cgroups.freeze(group_of(owner, name), False)


def runs(owner: str, name: str) -> bool:
    return bool(cgroups.processes(group_of(owner, name)))


def wait_until(
    ready: Callable[[], bool], what: str, *parts: Component, timeout_s: float = READY_TIMEOUT_S
) -> None:
    """Wait for `ready`, and give up at once when one of the components has died.

    Raises:
        ClusterError: with the end of the component's log.
    """
    deadline = time.monotonic() + timeout_s
    while not ready():
        for part in parts:
            if not runs(part.owner, part.name) and not ready():
                raise ClusterError(f"{part.name} of {part.owner} ended:\n{log_tail(part)}")
        if time.monotonic() > deadline:
            raise ClusterError(
                f"{what}: not after {timeout_s:.0f} s\n" + "\n".join(map(log_tail, parts))
            )
        time.sleep(0.1)


def log_tail(component: Component) -> str:
    file = log_file(component.owner, component.name)
    lines = file.read_text(errors="replace").splitlines() if file.exists() else []
    return "\n".join([f"{file}:", *lines[-LOG_TAIL_LINES:]])


def owners() -> list[str]:
    """Who has groups, the control plane first."""
    folder = cgroups.TRACKING / PREFIX
    names = [entry.name for entry in folder.iterdir() if entry.is_dir()] if folder.exists() else []
    return sorted(names, key=lambda name: (name != CONTROL_PLANE, name))


def components_of(owner: str) -> list[str]:
    """Names of the components that were started there; a kubelet's pods are none."""
    folder = cgroups.TRACKING / group_of(owner)
    groups = [entry.name for entry in folder.iterdir() if entry.is_dir()] if folder.exists() else []
    return sorted(name for name in groups if name != "kubepods")
