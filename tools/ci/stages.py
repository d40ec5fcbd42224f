"""The stages of CI, and which of them wait for which.

Two cores are shared, so beside each other run only stages of which one mostly waits: for the
network, for a disk, for an API server.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tools.ci import green


def _always() -> str | None:
    return None


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class Stage:
    """`why_not`: the reason to skip it, asked when its turn comes. `when_green`: called when it has
    passed."""

    name: str
    command: tuple[str, ...]
    after: tuple[str, ...] = ()
    why_not: Callable[[], str | None] = _always
    when_green: Callable[[], None] = _nothing


STAGES = (
    # Kubernetes is built from source, much later: whoever lacks Go should hear it now.
    Stage("go", ("python3", "-m", "tools.cluster.binaries")),
    Stage(
        "packages",
        (
            *("python3", "-m", "tools.system_packages", "chromium", "firefox-esr", "ffmpeg"),
            *("mediainfo", "gst-discoverer-1.0", "redis-server", "cluster"),
        ),
        after=("go",),
    ),
    Stage("install", ("make", "install"), after=("go",)),
    Stage("clean", ("make", "cluster-down"), after=("install", "packages")),
    Stage("check", ("make", "check"), after=("install",)),
    Stage("unit", ("make", "test-unit"), after=("check",)),
    Stage("programs", ("make", "cluster-programs"), after=("clean",)),
    Stage("images", ("make", "cluster-images"), after=("programs", "unit")),
    Stage("apiserver", ("make", "test-apiserver"), after=("programs", "unit")),
    Stage("system", ("make", "test-system"), after=("images", "apiserver")),
    Stage("cluster", ("make", "cluster"), after=("system",)),
    Stage(
        "cluster-test",
        ("make", "cluster-test"),
        after=("cluster",),
        why_not=green.why_not,
        when_green=green.keep,
    ),
    Stage("e2e", ("make", "e2e"), after=("cluster-test",)),
)
END = Stage("end", ("make", "cluster-down"))
"""Whatever became of the others."""
