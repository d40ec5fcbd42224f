from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.places import ROOT

PROGRAM = """
import sys
from tools import on_wheel
{}
command = "import sys; print('runs', flush=True); sys.stdin.read()"
sys.exit(on_wheel.main([sys.executable, "-c", command]))
"""
UNPACKED = "on_wheel.unpack = lambda folder: folder"
UNPACKING = "on_wheel.unpack = lambda folder: print(folder, flush=True) or sys.stdin.read()"


@pytest.mark.parametrize("moment", [UNPACKED, UNPACKING])
def test_a_terminated_run_leaves_nothing(tmp_path: Path, moment: str) -> None:
    """While the command runs, and before."""
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(moment)],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with program:
        assert program.stdout is not None
        program.stdout.readline()
        (folder,) = tmp_path.iterdir()
        children = psutil.Process(program.pid).children()
        program.send_signal(signal.SIGTERM)
        assert program.wait(timeout=60) == 128 + signal.SIGTERM
    assert folder.name.startswith("matinee-wheel-")
    assert list(tmp_path.iterdir()) == []
    assert [child for child in children if child.is_running()] == []
