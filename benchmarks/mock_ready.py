"""From `matinee mock` to the line that says that it is ready, which people who write clients wait
for each time. Beside it one process that only imports what the server imports."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._report import package_versions, report, take_turns
from benchmarks._server import ROOT

REPETITIONS = 7
MOCK = ("-m", "matinee", "mock", "--port", "0")
IMPORTS = ("-c", "import matinee.cli.mock, matinee.server.host; print('imported', flush=True)")
PACKAGES = ("fastapi", "uvicorn", "pydantic", "av", "numpy")


def main() -> None:
    ready_s, imported_s = take_turns(REPETITIONS, lambda: first_line_s(*MOCK), floor_s)
    conditions = {
        "ours": "two processes, nothing of torch",
        "floor": "one process: the same imports, no server, no worker",
        "files": "in the page cache, compiled",
        **package_versions(*PACKAGES),
    }
    name = "matinee mock, start to ready"
    report(name=name, unit="s", ours=ready_s, target=1.0, conditions=conditions)
    report(
        name=f"{name}, beside its imports",
        unit="s",
        ours=ready_s,
        peer=imported_s,
        target=1.5,
        conditions=conditions,
    )


def floor_s() -> float:
    return first_line_s(*IMPORTS)


def first_line_s(*words: str) -> float:
    """Until Python has printed something on stdout; then it ends."""
    started = time.perf_counter()
    command = [sys.executable, *words]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            if not (process.stdout and process.stdout.readline()):
                raise RuntimeError(f"{' '.join(command)} says nothing")
            return time.perf_counter() - started
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
