"""Install programs of the distribution that the tests use, where that is allowed.

`python -m tools.system_packages chromium ffmpeg` names programs. Those that are missing are
installed with apt-get by root or with passwordless sudo. Where that is not possible it says so and
succeeds: the tests that need them are then skipped and named at the end.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence

TIMEOUT_S = 900
ALTERNATIVES = {"chromium": ("chromium", "chromium-browser", "google-chrome")}
"""Program (and Debian package) -> names under which it will do."""


def main(programs: Sequence[str]) -> int:
    missing = [program for program in programs if not present(program)]
    failed = [program for program in missing if not install([program])]
    if failed:
        print(f"not installed: {', '.join(failed)}; tests that need them will be skipped")
    return 0


def present(program: str) -> bool:
    return any(map(shutil.which, ALTERNATIVES.get(program, (program,))))


def install(packages: Sequence[str]) -> bool:
    """Whether apt-get installed the packages."""
    prefix = _root_prefix()
    if prefix is None or shutil.which("apt-get") is None:
        return False
    print(f"installing {', '.join(packages)} with apt-get", flush=True)
    return _run([*prefix, "apt-get", "update", "-qq"]) and _run(
        [*prefix, "apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    )


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
