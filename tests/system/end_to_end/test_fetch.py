from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.unit.runtime.weights.fetch.fetching import fetched
from tests.unit.runtime.weights.fetch.running_hub import running_hub


def test_a_fetched_model_makes_videos(tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "tiny"
    with running_hub(tmp_path / "hub") as hub:
        [result] = fetched(hub.tree(folder))
    assert result.reason is None
    video = tmp_path / "ball.mp4"
    words = ("a red ball moving left on a blue background", "-o", str(video), "--steps", "1")
    subprocess.run(
        [sys.executable, "-m", "matinee", "generate", *words, f"--generator.model_path={folder}"],
        check=True,
    )
    assert video.stat().st_size > 0
