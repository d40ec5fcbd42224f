"""Pin every dependency by version and hash: `python -m tools.lock [--upgrade]`, or `make lock`.

pip-compile writes `requirements/dev.txt` and, parts of it, one lock for each image and one for
what builds them. Then torch and all that only torch needs are taken out (the CUDA libraries of its
default build among them): `tools/install.py` installs the build that fits the machine.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COMPILE = (
    *("-m", "piptools", "compile", "--quiet", "--generate-hashes", "--strip-extras"),
    *("--no-emit-index-url", "--no-emit-find-links", "--no-emit-trusted-host"),
    *("--unsafe-package", "torch", "--constraint", "requirements/torch.txt", "pyproject.toml"),
)
DEV = "requirements/dev.txt"
EXTRAS = {"build": "build", "operator": "operator", "router": "router-image", "runtime": "runtime"}
"""Of each image, and of what builds them."""
LOCKS = {DEV: ("--extra", "operator", "--extra", "runtime", "--extra", "dev")} | {
    f"requirements/{image}.txt": ("--extra", extra, "--constraint", DEV)
    for image, extra in EXTRAS.items()
}


def main(options: Sequence[str]) -> int:
    environment = os.environ | {"CUSTOM_COMPILE_COMMAND": "make lock"}
    for lock, extras in LOCKS.items():
        print(f"resolving {lock}", flush=True)
        subprocess.run(  # noqa: S603 - our own interpreter and pip-compile
            [sys.executable, *COMPILE, *options, *extras, "--output-file", lock],
            cwd=ROOT,
            env=environment,
            check=True,
        )
        path = ROOT / lock
        path.write_text(without_torch(path.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


def without_torch(lock: str) -> str:
    """Drop every entry whose `# via` comments lead to torch and nowhere else, and Matinee itself,
    which stands there when one of its extras includes another."""
    header, *entries = (
        entry.partition("\n# WARNING:")[0].rstrip() for entry in re.split(r"\n(?=[a-z0-9])", lock)
    )
    entries = [entry for entry in entries if " @ " not in entry]
    dropped = {"torch"}
    while True:
        orphans = {_name(entry) for entry in entries if _needed_by(entry) <= dropped}
        if orphans <= dropped:
            break
        dropped |= orphans
    return "\n".join([header, *(entry for entry in entries if _name(entry) not in dropped)]) + "\n"


def _name(entry: str) -> str:
    return entry.partition("==")[0]


def _needed_by(entry: str) -> set[str]:
    """The packages in the entry's `# via` comments."""
    comment = entry.rpartition("# via")[2]
    words = {line.strip(" #") for line in comment.splitlines()}
    return {word for word in words if word and not word.startswith("-c ")}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
