"""From `matinee up` to the line that says that it can generate: the bundled model is loaded and
warmed up by a real generation. Beside it one process that only imports the same modules and loads
the same weights."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._report import package_versions, report, take_turns
from benchmarks._server import ROOT, quickstart_server

REPETITIONS = 5


def main() -> None:
    ready_s, loaded_s = take_turns(REPETITIONS, measure, measure_floor)
    report(
        name="start to ready, bundled model",
        unit="s",
        ours=ready_s,
        peer=loaded_s,
        target=1.2,
        conditions={
            "ours": "with a warm-up generation",
            "floor": "one process: the same imports, the same weights, no generation",
            "device": "cpu",
            "files": "in the page cache",
            **package_versions("torch", "diffusers"),
        },
    )


def measure() -> float:
    with quickstart_server() as server:
        return server.ready_s


def measure_floor() -> float:
    started = time.perf_counter()
    command = [sys.executable, "-m", "benchmarks._bare_start"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline() if process.stdout else ""
        if line != "loaded\n":
            raise RuntimeError("the floor did not load the model")
        return time.perf_counter() - started


if __name__ == "__main__":
    main()
