"""The README's first command."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import psutil
import pytest

from tests.places import ROOT
from tests.system.end_to_end.serving import PATIENCE_S, running
from tests.system.end_to_end.viewing import session


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.skipif(not (ROOT / ".venv/.installed").exists(), reason="`make install` was not used")
async def test_make_demo_serves_the_player_and_ctrl_c_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for desktop in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(desktop, raising=False)
    command = ["make", "--silent", "demo", "PORT=0"]
    with running(command, tmp_path / "log") as server:
        assert "Matinee" in server.get("/player").text
        async with session(server) as viewer:
            await viewer.segment("a red ball moving left on a blue background")
            await viewer.end()
        family = server.family()
        os.killpg(server.process.pid, signal.SIGINT)
        server.process.wait(PATIENCE_S)
    _, alive = psutil.wait_procs(family, timeout=PATIENCE_S)
    assert alive == []
    assert "Traceback" not in server.log.read_text()
