"""Make `.venv` with everything that Matinee needs. Standard library only; `make install` runs it.

torch comes first and apart, because the hashed locks cannot hold both its builds:

1. from the folder `../shared/wheels` beside the repository, where there is one;
2. without an NVIDIA GPU, from PyTorch's own index of CPU builds (it saves 3 GB), if it answers
   within seconds;
3. else from the index that pip is configured for.

Everything else is installed by hash from `requirements/dev.txt`.
"""

from __future__ import annotations

import importlib.util
import platform
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
WHEELS = ROOT.parent / "shared" / "wheels"
TORCH = ("-r", str(ROOT / "requirements" / "torch.txt"))
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
PROBE = f"import urllib.request as r; r.urlopen({CPU_INDEX + '/torch/'!r}, timeout=4)"
PROBE_TIMEOUT_S = 5  # for the whole probe: urllib's own does not cover the name's look-up
PYTHONS = ((3, 11), (3, 13))


def main() -> int:
    if not PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]:
        print(
            f"Matinee needs Python 3.11 to 3.13, this is {platform.python_version()}: "
            "say which one to use, for example `make install PYTHON=python3.12`",
            file=sys.stderr,
        )
        return 2
    try:
        _make_venv()
        _pip("install", *TORCH, *_torch_source())
        _pip("install", "--require-hashes", "--no-deps", "-r", "requirements/dev.txt")
        _pip("install", "--no-deps", "--no-build-isolation", "-e", ".")
        _pip("check")
    except subprocess.CalledProcessError as error:
        print(f"stopped: `{' '.join(map(str, error.cmd))}` failed", file=sys.stderr)
        return 1
    return 0


def _make_venv() -> None:
    if (VENV / "bin" / "python").exists():
        return
    if importlib.util.find_spec("ensurepip") is None:  # Debian ships it in a package of its own
        sys.path.insert(0, str(ROOT))
        from tools.system_packages import install, update

        if not (update() and install(["python3-venv"])):
            print("`python3 -m venv` is missing: install python3-venv", file=sys.stderr)
    _run(sys.executable, "-m", "venv", str(VENV))


def _torch_source() -> tuple[str, ...]:
    """Where pip looks for torch: options, empty for the index that it is configured for."""
    if WHEELS.is_dir():
        return ("--find-links", str(WHEELS))
    if platform.system() == "Linux" and not _has_nvidia_gpu() and cpu_index_answers():
        return ("--index-url", CPU_INDEX)
    return ()


def _has_nvidia_gpu() -> bool:
    return shutil.which("nvidia-smi") is not None or Path("/dev/nvidiactl").exists()


def cpu_index_answers() -> bool:
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter
            [sys.executable, "-c", PROBE], capture_output=True, timeout=PROBE_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _pip(*arguments: str) -> None:
    _run(str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", *arguments)


def _run(*command: str) -> None:
    print("+", " ".join(command), flush=True)
    subprocess.run(command, cwd=ROOT, check=True)  # noqa: S603 - fixed commands, built above


if __name__ == "__main__":
    sys.exit(main())
