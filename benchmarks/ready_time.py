"""From `matinee up` to the line that says that it can generate: the bundled model is loaded and
warmed up by a real generation."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._report import medians, package_versions, report
from benchmarks._server import quickstart_server

REPETITIONS = 3


def main() -> None:
    (ready_s,) = medians(REPETITIONS, measure)
    report(
        name="start to ready, bundled model",
        unit="s",
        ours=ready_s,
        target=10.0,
        conditions={
            "repetitions": REPETITIONS,
            "device": "cpu",
            "files": "in the page cache",
            **package_versions("torch", "diffusers"),
        },
    )


def measure() -> float:
    with quickstart_server() as server:
        return server.ready_s


if __name__ == "__main__":
    main()
