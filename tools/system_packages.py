"""Install programs of the distribution that the tests use, where that is allowed.

`python -m tools.system_packages chromium ffmpeg mediainfo` names programs; `cluster` stands for
all that the test cluster needs. Those that are missing are installed with one apt-get by root or
with passwordless sudo, which waits while another one runs. Where that is not possible it says so
and succeeds: the tests that need them are then skipped and named at the end, and the cluster says
what it lacks when it is to start.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence

TIMEOUT_S = 900
LOCK = ("-o", "DPkg::Lock::Timeout=600")
"""Seconds to wait for another apt-get or dpkg, instead of failing."""
FOR_THE_CLUSTER = "cluster"
SKIPPED = "tests that need them will be skipped"
ALTERNATIVES = {
    "chromium": ("chromium", "chromium-browser", "google-chrome"),
    "firefox-esr": ("firefox-esr", "firefox"),
    "redis-server": ("redis-server", "valkey-server"),
}
"""Program (and Debian package) -> names under which it will do."""
READERS = {
    "gst-discoverer-1.0": (
        "gstreamer1.0-plugins-base-apps",
        "gstreamer1.0-plugins-good",
        "gstreamer1.0-libav",
    ),
}
"""Program -> Debian packages, of which it needs all."""
CLUSTER = {
    "containerd": "containerd",
    "runc": "runc",
    "/usr/lib/cni/ptp": "containernetworking-plugins",
    "nft": "nftables",
    "conntrack": "conntrack",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "buildah": "buildah",
    "skopeo": "skopeo",
    "debootstrap": "debootstrap",
}
"""Program -> Debian package."""


def main(names: Sequence[str]) -> int:
    programs = [p for name in names for p in (CLUSTER if name == FOR_THE_CLUSTER else [name])]
    missing = missing_packages(programs)
    if failed := missing and _not_installed(missing):
        wants = "the test cluster needs them" if FOR_THE_CLUSTER in names else SKIPPED
        print(f"not installed: {', '.join(failed)}; {wants}")
    return 0


def _not_installed(packages: list[str]) -> list[str]:
    """Install them in one call. One that does not exist fails the call, so then each on its own."""
    if not update():
        return packages
    return [] if install(packages) else [p for p in packages if not install([p])]


def missing_packages(programs: Iterable[str]) -> list[str]:
    """Debian packages of those of the programs that are not there."""
    missing = [program for program in programs if not present(program)]
    return sorted({package for program in missing for package in _packages_of(program)})


def _packages_of(program: str) -> tuple[str, ...]:
    return READERS.get(program) or (CLUSTER.get(program, program),)


def present(program: str) -> bool:
    return found(program) is not None


def found(program: str) -> str | None:
    """Its path, or that of another program that will do."""
    return next(filter(None, map(shutil.which, ALTERNATIVES.get(program, (program,)))), None)


def install(packages: Sequence[str]) -> bool:
    """Whether apt-get installed the packages."""
    print(f"installing {', '.join(packages)} with apt-get", flush=True)
    return _apt_get("install", *LOCK, "-y", "-qq", "--no-install-recommends", *packages)


def update() -> bool:
    """Whether apt-get knows now what there is to install."""
    return _apt_get("update", *LOCK, "-qq")


def _apt_get(*words: str) -> bool:
    prefix = _root_prefix()
    if prefix is None or shutil.which("apt-get") is None:
        return False
    return _run([*prefix, "apt-get", *words])


def _root_prefix() -> list[str] | None:
    """What goes before a command to run it as root; None when that would need a password."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") and _run(["sudo", "-n", "true"]):
        return ["sudo", "-n"]
    return None


def _run(command: Sequence[str]) -> bool:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(  # noqa: S603 - fixed commands, chosen above
            command,
            env=environment,
            timeout=TIMEOUT_S,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
