"""containerd: its settings, and the images in its store.

Unpacking an image with torch takes half a minute, so it is done once, in a store in the cache. A
node's store is a copy of it made of hard links: what lies in there is never written again.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.cluster import components, mounts, oci
from tools.cluster.components import Component, wait_until
from tools.cluster.places import CACHE, CONTROL_PLANE
from tools.cluster.shell import ClusterError, run, write

TEMPLATE = CACHE / "store"
LAYOUT = CACHE / "images"
"""All our images, as an OCI layout."""
REGISTRY = "docker.io"
"""What containerd puts before a name such as matinee/runtime:dev."""
PAUSE_IMAGE = "matinee/pause:1"
RUNC_NOTES, CNI_RESULTS = Path("/run/containerd/runc/k8s.io"), Path("/var/lib/cni/results")
"""Where runc and CNI keep theirs, of every containerd of the machine."""
_SETTINGS = """\
version = 2
root = "{folder}/containerd"
state = "{folder}/containerd-state"
oom_score = 0
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.tracing.processor.v1.otlp"]
# Collected on demand only: an import does not hold on to the layers that it finds.
[plugins."io.containerd.gc.v1.scheduler"]
  startup_delay = "8760h"
  mutation_threshold = 1000000000
[grpc]
  address = "{folder}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  # runc may not lower it without CAP_SYS_RESOURCE, and says so in riddles.
  restrict_oom_score_adj = true
  # Below /run/netns they would outlive the node.
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{cni}"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
"""


def component(owner: str, name: str, folder: Path, cni: Path) -> Component:
    """containerd with all its files below `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "containerd.toml"
    pause = f"{REGISTRY}/{PAUSE_IMAGE}"
    write(settings, _SETTINGS.format(folder=folder, cni=cni, pause=pause))
    return Component(owner, name, ["containerd", "--config", settings])


def socket_in(folder: Path) -> Path:
    return folder / "containerd.sock"


def fill_template(images: Collection[str]) -> list[str]:
    """Bring the images into the store in the cache; returns those that were not there.

    What was killed in the middle of an import may have left a store that cannot be mended: it is a
    cache, so it is made anew.
    """
    try:
        return _fill_template(images)
    except ClusterError:
        shutil.rmtree(TEMPLATE, ignore_errors=True)
        return _fill_template(images)


def _fill_template(images: Collection[str]) -> list[str]:
    with _template() as socket:
        loaded = load(socket, images)
        if loaded:
            _collect_garbage(socket)
    return loaded


@contextmanager
def _template() -> Iterator[Path]:
    """The store in the cache, with a containerd that serves it for a moment."""
    owner, name = CONTROL_PLANE, "image-store"
    components.remove(owner, name)  # of a start that was killed
    socket = socket_in(TEMPLATE)
    socket.unlink(missing_ok=True)
    server = component(owner, name, TEMPLATE, TEMPLATE / "cni")
    components.start(server)
    try:
        wait_until(socket.exists, "containerd listens", server)
        yield socket
    finally:
        components.remove(owner, name)
        socket.unlink(missing_ok=True)
        mounts.unmount_below(TEMPLATE)


def load(socket: Path, images: Collection[str]) -> list[str]:
    """Bring the images into the store behind the socket; returns those that were not there."""
    stored = _stored(socket)
    loaded = []
    for image in images:
        full_name = f"{REGISTRY}/{image}"
        if stored.get(full_name) == oci.manifest_of(LAYOUT, image)["digest"]:
            continue
        _import(socket, image, full_name)
        loaded.append(image)
    return loaded


def _collect_garbage(socket: Path) -> None:
    """Drop what no image needs any more."""
    _ctr(socket, "leases", "create", "--id", "matinee")
    _ctr(socket, "leases", "delete", "--sync", "matinee")


def copy_template(folder: Path) -> None:
    """Give a node a store of its own with all images unpacked."""
    source, copy = TEMPLATE / "containerd", folder / "containerd"
    part = folder / "copying"
    shutil.rmtree(part, ignore_errors=True)
    same_disk = source.stat().st_dev == folder.stat().st_dev
    run("cp", "--archive", *(["--link"] if same_disk else []), source, part)
    for database in part.rglob("*.db"):  # these are written in place
        original = source / database.relative_to(part)
        database.unlink()
        shutil.copy2(original, database)
    part.rename(copy)


def traces(folder: Path) -> list[Path]:
    """What the node's containers have outside its folder, for want of a setting: the sockets of
    their shims, and what runc and CNI noted."""
    tasks = (folder / "containerd-state/io.containerd.runtime.v2.task/k8s.io").glob("*/address")
    sockets = [Path(address.read_text().removeprefix("unix://")) for address in tasks]
    return [*(socket for socket in sockets if socket.exists()), *notes(folder)]


def notes(folder: Path) -> list[Path]:
    """What runc and CNI noted about containers whose files are below the folder.

    Other containerds of the machine have theirs in the same places, so the text decides.
    """
    states, results = RUNC_NOTES.glob("*/state.json"), CNI_RESULTS.glob("*")
    runc_s = [state.parent for state in states if _mentions(state, folder)]
    return [*runc_s, *(result for result in results if _mentions(result, folder))]


def _mentions(file: Path, folder: Path) -> bool:
    try:
        return f"{folder}/" in file.read_text(errors="replace")
    except FileNotFoundError:
        return False  # its container ended just now


def remove_traces(places: Iterable[Path]) -> None:
    for place in places:
        if place.is_dir():
            shutil.rmtree(place, ignore_errors=True)
        else:
            place.unlink(missing_ok=True)


def _stored(socket: Path) -> dict[str, str]:
    """Name -> digest of the manifest, of the images that are complete and unpacked."""
    rows = [line.split() for line in _ctr(socket, "images", "check").splitlines()[1:]]
    return {row[0]: row[2] for row in rows if row[3] == "complete" and row[-1] == "true"}


def _import(socket: Path, image: str, full_name: str) -> None:
    known = set(_ctr(socket, "content", "ls", "--quiet").split())
    with tempfile.NamedTemporaryFile(dir=CACHE) as file:
        oci.write_archive(file, LAYOUT, image, full_name, known)
        file.flush()
        _ctr(socket, "images", "import", file.name)


def _ctr(socket: Path, *words: str) -> str:
    return run("ctr", "--address", socket, "--namespace", "k8s.io", *words)
