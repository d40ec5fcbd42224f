"""The whole cluster: up, down, and what is left of it."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tools.cluster import (
    binaries,
    cgroups,
    components,
    containerd,
    control_plane,
    images,
    mounts,
    network,
    node,
)
from tools.cluster.places import BINARIES, CACHE, PREFIX, STATE, Node, kubeconfig, nodes
from tools.cluster.shell import ClusterError
from tools.system_packages import CLUSTER, missing_packages

NODES = 2
BEGUN = STATE / "begun"
"""The network is whole. Everything that is made later can be made again on its own."""
LEFT_OUTSIDE = (
    Path("/var/lib/kubelet/device-plugins/kubelet.sock"),
    containerd.socket_in(containerd.TEMPLATE),
    Path("/run/matinee-buildah"),
)
"""What the programs put elsewhere, for want of a setting."""


def why_not() -> str | None:
    """One sentence about what this machine lacks; None when it can run a cluster."""
    if reason := _why_nobody_may():
        return reason
    if reason := binaries.why_not():
        return f"{reason}, or set KUBECONFIG to use another cluster."
    if missing := missing_packages(CLUSTER):
        return f"The test cluster needs these Debian packages: {', '.join(missing)}."
    return None


def _why_nobody_may() -> str | None:
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return "The test cluster needs Linux on x86-64; set KUBECONFIG to use another cluster."
    if os.geteuid() != 0:
        return "The test cluster needs root; set KUBECONFIG to use another cluster."
    return None


def require_means() -> None:
    """Raises:
    ClusterError: this machine cannot run a cluster.
    """
    if (reason := why_not()) is not None:
        raise ClusterError(reason)


def require_root() -> None:
    """Raises:
    ClusterError: whoever asks may not change or look into the cluster.
    """
    if (reason := _why_nobody_may()) is not None:
        raise ClusterError(reason)


def prepare(say: Callable[[str], None]) -> None:
    """Build what is not in the cache: programs, images, and a store with the images unpacked.

    Programs need the processor and images mostly the network, so they are made side by side.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    _forget_killed_builds()
    binaries.build(say, [binaries.PAUSE])
    with ThreadPoolExecutor(2) as pool:
        for job in [pool.submit(binaries.build, say), pool.submit(images.build, say)]:
            job.result()


def _forget_killed_builds() -> None:
    """What they were writing to, which nobody else does now."""
    for part in CACHE.glob("tmp*"):
        mounts.unmount_below(part)
        containerd.remove_traces([part])


def up(say: Callable[[str], None], count: int = NODES) -> None:
    """Start what does not run, until `count` nodes are Ready. Doing it twice changes nothing.

    Raises:
        ClusterError: this machine cannot, or a part does not start.
    """
    require_means()
    prepare(say)
    if STATE.exists() and not BEGUN.exists():
        say("removing what an earlier start left behind")
        down()
    _start_control_plane(say)
    _say_loaded(say, "the store", containerd.fill_template(images.NAMES))
    wanted = sorted({*(Node(n + 1) for n in range(count)), *nodes()}, key=lambda one: one.number)
    for one in wanted:
        node.add(one)
        _say_loaded(say, one.name, containerd.load(containerd.socket_in(one.folder), images.NAMES))
    began = time.monotonic()
    node.wait_ready(*wanted)
    say(f"{len(wanted)} nodes Ready after {time.monotonic() - began:.0f} s more")


def _start_control_plane(say: Callable[[str], None]) -> None:
    began = time.monotonic()
    anew = not STATE.exists()
    if anew:
        STATE.mkdir(parents=True)
        network.make_switch()
        BEGUN.touch()
    control_plane.start()
    if anew:
        say(f"control plane ready after {time.monotonic() - began:.0f} s")


def _say_loaded(say: Callable[[str], None], where: str, loaded: list[str]) -> None:
    if loaded:
        say(f"loaded into {where}: {', '.join(loaded)}")


def down() -> None:
    """Remove everything but the cache, whatever state it is in. Doing it twice changes nothing.

    What cannot be removed does not keep the rest from going; `left` tells it.
    """
    for owner in components.owners():
        with contextlib.suppress(TimeoutError):
            cgroups.kill(components.group_of(owner))
    traces = [place for one in nodes() for place in containerd.traces(one.folder)]
    for folder in (STATE, containerd.TEMPLATE, images.STORAGE):
        mounts.unmount_below(folder)
    network.remove_all()
    with contextlib.suppress(OSError):
        cgroups.remove(PREFIX)
    containerd.remove_traces([*traces, *containerd.notes(STATE), *LEFT_OUTSIDE])
    if not mounts.below(STATE):
        shutil.rmtree(STATE, ignore_errors=True)


def require_running() -> None:
    """Raises:
    ClusterError: no cluster runs, or only root sees it.
    """
    if not STATE.exists():
        raise ClusterError("no cluster runs: start one with `make cluster`")
    require_root()


def left() -> list[str]:
    """Everything of the cluster that exists on this machine, the cache apart."""
    places = [str(place) for place in (STATE, *LEFT_OUTSIDE) if place.exists()]
    places += map(str, containerd.notes(STATE))
    folders = (STATE, containerd.TEMPLATE, images.STORAGE)
    mounted = [str(m) for folder in folders for m in mounts.below(folder)]
    return [*cgroups.left(PREFIX), *network.left(), *mounted, *places]


def dead() -> list[str]:
    """Components that were started and do not run."""
    return [
        f"{name} of {owner}"
        for owner in components.owners()
        for name in components.components_of(owner)
        if not components.runs(owner, name)
    ]


def environment() -> dict[str, str]:
    """What lets kubectl and helm reach the cluster from a shell."""
    return {"KUBECONFIG": str(kubeconfig()), "PATH": f"{BINARIES}:{os.environ['PATH']}"}
