"""The project's images: built from its Dockerfile by buildah, without a daemon.

The base is a Debian made here, because no registry need be reached. Each image is built when
anything it is made from has changed; buildah's own cache keeps the layers that did not.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import yaml

from tools.cluster import binaries, mounts, oci
from tools.cluster.containerd import LAYOUT, PAUSE_IMAGE
from tools.cluster.places import CACHE, ROOT
from tools.cluster.shell import run
from tools.install import CPU_INDEX, WHEELS, cpu_index_answers

DEBIAN, BASE_PACKAGES = "bookworm", ("python3", "python3-venv", "ca-certificates")
BASE = f"matinee/base:{DEBIAN}"
STORAGE, _RUNROOT, _DRIVER = CACHE / "buildah", Path("/run/matinee-buildah"), "overlay"
_BUILDAH = (
    *("buildah", "--root", STORAGE, "--runroot", _RUNROOT),
    *("--storage-driver", _DRIVER),
)
_STORAGE = f"[{_DRIVER}@{STORAGE}+{_RUNROOT}]"
_PASSED_ON = ("/etc/pip.conf", "/etc/ssl/certs")
"""How this machine reaches its package index."""


@dataclass(frozen=True)
class Image:
    """`target`: the stage of the Dockerfile."""

    name: str
    target: str

    @property
    def released(self) -> str:
        """What the chart calls it when nobody says another tag."""
        return f"matinee/{self.target}:{_chart_version()}"


def _chart_version() -> str:
    chart = yaml.safe_load((ROOT / "charts" / "matinee" / "Chart.yaml").read_text())
    return str(chart["appVersion"])


OURS = tuple(Image(f"matinee/{target}:dev", target) for target in ("operator", "router", "runtime"))
NAMES = (
    *(image.name for image in OURS),
    *(image.released for image in OURS),
    PAUSE_IMAGE,
)


def build(say: Callable[[str], None]) -> None:
    """Make what is not there or not current; the programs for the pause image must be there."""
    _make_pause()
    try:
        _build_all(say)
    finally:
        mounts.unmount_below(STORAGE)
        shutil.rmtree(_RUNROOT, ignore_errors=True)
    for image in OURS:
        oci.also_called(LAYOUT, image.name, image.released)
    oci.drop_unused(LAYOUT)


def _build_all(say: Callable[[str], None]) -> None:
    for image in OURS:
        recipe = _recipe(image)
        if _stamp(image).exists() and _stamp(image).read_text() == recipe:
            continue
        _make_base(say)
        say(f"building {image.name}")
        _build(image)
        _stamp(image).write_text(recipe)
        say(f"built {size_of(image)}")


def size_of(image: Image) -> str:
    """Its name and its size, and that of the layer with the code."""
    whole = oci.size_bytes(LAYOUT, image.name)
    code = oci.layers(LAYOUT, image.name)[-1]["size"]
    return f"{image.name}: {whole / 1e6:.0f} MB, {code / 1e6:.1f} MB of it code"


def _make_pause() -> None:
    recipe = binaries.PAUSE.file.name
    stamp = CACHE / "stamps" / "pause"
    if stamp.exists() and stamp.read_text() == recipe:
        return

    def write(file: IO[bytes]) -> None:
        run("tar", "--create", "--file", file.name, "--transform=s|.*|pause|", "-C", "/",
            binaries.PAUSE.file.relative_to("/"))  # fmt: skip

    oci.write_image(LAYOUT, PAUSE_IMAGE, write, {"Entrypoint": ["/pause"], "User": "65535:65535"})
    stamp.parent.mkdir(exist_ok=True)
    stamp.write_text(recipe)


def _make_base(say: Callable[[str], None]) -> None:
    layout = CACHE / "base"
    recipe = hashlib.sha256(f"{DEBIAN} {BASE_PACKAGES}".encode()).hexdigest()
    stamp = CACHE / "stamps" / "base"
    if not (stamp.exists() and stamp.read_text() == recipe):
        say("making the base image: Debian with Python (once)")
        oci.write_image(layout, BASE, _write_debian, {"Cmd": ["python3"]})
        stamp.write_text(recipe)
    pulled = run(*_BUILDAH, "pull", "--quiet", f"oci:{layout}:{BASE}").strip()
    run(*_BUILDAH, "tag", pulled, f"localhost/{BASE}")


def _write_debian(file: IO[bytes]) -> None:
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        root = Path(folder) / "root"
        run(
            "debootstrap", "--variant=minbase", f"--include={','.join(BASE_PACKAGES)}", DEBIAN, root
        )
        for leftover in ("var/cache/apt", "var/lib/apt/lists", "var/log"):
            shutil.rmtree(root / leftover)
            (root / leftover).mkdir()
        run("tar", "--create", "--numeric-owner", "--file", file.name, "-C", root, ".")


def _build(image: Image) -> None:
    options = [f"--volume={place}:{place}:ro" for place in _PASSED_ON if Path(place).exists()]
    options += _torch_options()
    options += [f"--target={image.target}", f"--build-arg=BASE=localhost/{BASE}"]
    run(
        *(*_BUILDAH, "build", "--isolation=chroot", "--layers", "--format=oci"),
        *(*options, f"--tag={image.name}", str(ROOT)),
        timeout_s=3600,
    )
    # Not `buildah push`: it compresses every layer anew, and containerd unpacks it again.
    run(
        *("skopeo", "--insecure-policy", "copy", "--dest-oci-accept-uncompressed-layers"),
        *(f"containers-storage:{_STORAGE}localhost/{image.name}", f"oci:{LAYOUT}:{image.name}"),
    )


def _torch_options() -> list[str]:
    """The small build of torch for CPUs, where it can be had: no node here has a GPU."""
    if WHEELS.is_dir():
        found = "--find-links /wheels"
        return [f"--volume={WHEELS}:/wheels:ro", f"--build-arg=TORCH_OPTIONS={found}"]
    if cpu_index_answers():
        return [f"--build-arg=TORCH_OPTIONS=--index-url {CPU_INDEX}"]
    return []


def _stamp(image: Image) -> Path:
    return CACHE / "stamps" / image.name.replace("/", "-")


def _recipe(image: Image) -> str:
    """A hash of everything that the image is made from."""
    digest = hashlib.sha256(f"{DEBIAN} {BASE_PACKAGES} {image}".encode())
    for file in sources():
        digest.update(f"{file.relative_to(ROOT)}".encode() + file.read_bytes())
    return digest.hexdigest()


def sources(root: Path = ROOT) -> Iterator[Path]:
    """What .dockerignore lets into the build, and that file itself, in a fixed order."""
    rules = (root / ".dockerignore").read_text().splitlines()
    left_out = [rule for rule in rules if rule and rule[0] not in "#!" and rule != "*"]
    yield root / ".dockerignore"
    for name in (rule[1:] for rule in rules if rule.startswith("!")):
        for file in sorted([root / name, *(root / name).rglob("*")]):
            place = file.relative_to(root)
            if file.is_file() and not any(
                part.match(rule) for part in (place, *place.parents) for rule in left_out
            ):
                yield file
