"""The cluster's programs, built from the Go modules in `binaries/` and kept in the cache.

`python3 -m tools.cluster.binaries` says what keeps this machine from building them; it needs
nothing but Python.

Each module is one program with its pinned versions. What is built lies in a folder named by a hash
of all that it is made from, so a change builds anew and everything else is found in the cache.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.cluster.places import BINARIES, CACHE, HERE
from tools.cluster.shell import ClusterError, run

GO_THAT_FETCHES = (1, 21)
"""From this version on Go downloads the one that a module asks for, unless it may not."""
KUBERNETES = "v1.35.4"
"""Also in binaries/kubernetes/go.mod; a test compares them."""
HELM = "v3.22.0"
"""Also in binaries/helm/go.mod; a test compares them."""
_VERSION = "k8s.io/component-base/version"


@dataclass(frozen=True)
class Binary:
    """One Go program. `names`: what it is called by; one program may be several."""

    module: str
    package: str
    names: tuple[str, ...]
    ldflags: str = "-s -w"

    @property
    def source(self) -> Path:
        return HERE / "binaries" / self.module

    @property
    def file(self) -> Path:
        return CACHE / "binaries" / f"{self.module}-{self._hash()}"

    def _hash(self) -> str:
        digest = hashlib.sha256(f"{self.package} {self.ldflags}".encode())
        for file in sorted(self.source.iterdir()):
            digest.update(file.name.encode() + file.read_bytes())
        return digest.hexdigest()[:16]


PAUSE = Binary("pause", ".", ("pause",))
KWOK = Binary("kwok", "sigs.k8s.io/kwok/cmd/kwok", ("kwok",))
VERSITYGW = Binary("versitygw", "github.com/versity/versitygw/cmd/versitygw", ("versitygw",))
CLUSTER = (
    Binary(
        "kubernetes",
        ".",
        (
            *("kube-apiserver", "kube-controller-manager", "kube-scheduler"),
            *("kubelet", "kube-proxy", "kubectl"),
        ),
        # Without its version the server calls itself v0.0.0, and clients believe it.
        f"-s -w -X {_VERSION}.gitVersion={KUBERNETES}"
        f" -X {_VERSION}.gitMajor=1 -X {_VERSION}.gitMinor={KUBERNETES.split('.')[1]}",
    ),
    Binary("etcd", ".", ("etcd",)),
    Binary("coredns", "github.com/coredns/coredns", ("coredns",)),
    Binary(
        "helm",
        "helm.sh/helm/v3/cmd/helm",
        ("helm",),
        f"-s -w -X helm.sh/helm/v3/internal/version.version={HELM}",
    ),
    Binary("metrics-server", "sigs.k8s.io/metrics-server/cmd/metrics-server", ("metrics-server",)),
    PAUSE,
)
"""What every cluster runs, and what people use it with."""
ALL = (*CLUSTER, KWOK, VERSITYGW)
"""Also what only some tests want; these are built when one does."""


def build(say: Callable[[str], None], binaries: Sequence[Binary] = CLUSTER) -> None:
    """Build what is not in the cache, and link all names into one folder for PATH.

    Raises:
        ClusterError: Go is missing or too old, or a build failed.
    """
    if (reason := why_not(binaries)) is not None:
        raise ClusterError(reason)
    for binary in binaries:
        if not binary.file.exists():
            began = time.monotonic()
            say(f"building {binary.module} (once)")
            _build(binary)
            say(f"built {binary.module} in {time.monotonic() - began:.0f} s")
    BINARIES.mkdir(parents=True, exist_ok=True)
    for binary in binaries:
        for name in binary.names:
            _link(BINARIES / name, binary.file)


def path_of(name: str) -> Path:
    return BINARIES / name


def _build(binary: Binary) -> None:
    binary.file.parent.mkdir(parents=True, exist_ok=True)
    part = binary.file.with_suffix(f".{os.getpid()}")
    run(
        *("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", binary.ldflags),
        *("-o", part, binary.package),
        cwd=binary.source,
        env={"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly"},
        timeout_s=3600,
    )
    part.replace(binary.file)
    for other in binary.file.parent.glob(f"{binary.module}-*"):
        if other != binary.file:
            other.unlink()


def _link(link: Path, target: Path) -> None:
    if link.is_symlink() and link.readlink() == target:
        return
    link.unlink(missing_ok=True)
    link.symlink_to(target)


def why_not(binaries: Sequence[Binary] = CLUSTER) -> str | None:
    """What keeps this machine from building what is not in the cache; None when nothing does."""
    if all(binary.file.exists() for binary in binaries):
        return None
    wanted = max(go_version_of(binary) for binary in binaries)
    text = ".".join(map(str, wanted))
    if shutil.which("go") is None:
        return f"Go is not installed: Kubernetes is built with it; install {text} or newer"
    present, toolchain = run("go", "env", "GOVERSION", "GOTOOLCHAIN").split()
    present = present.removeprefix("go")
    fetches_newer = toolchain != "local" and _numbers(present) >= GO_THAT_FETCHES
    if _numbers(present) < wanted and not fetches_newer:
        return f"Go {present} is too old: Kubernetes is built with {text} or newer"
    return None


def go_version_of(binary: Binary) -> tuple[int, ...]:
    """The least version of Go that the module asks for."""
    text = (binary.source / "go.mod").read_text()
    return _numbers(next(line for line in text.splitlines() if line.startswith("go "))[3:])


def _numbers(version: str) -> tuple[int, ...]:
    """1.26.4 or 1.27rc1 as numbers."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


if __name__ == "__main__":
    sys.exit(why_not(ALL))
