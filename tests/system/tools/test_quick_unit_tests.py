from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.places import ROOT

TESTS = """
import time
from tests.unit.conftest import EACH_S
from tools.ci import budget

def test_is_quick():
    pass

def test_computes_for_long():
    began = time.process_time()
    while time.process_time() - began < 1.5 * EACH_S * budget.slowness():
        pass
"""


def test_a_unit_test_that_computes_for_long_fails(tmp_path: Path) -> None:
    (tmp_path / "test_inner.py").write_text(TESTS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.unit.conftest", "test_inner.py"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert "ERROR test_inner.py::test_computes_for_long - Failed: this test took " in done.stdout
    assert "2 passed, 1 error" in done.stdout
