from __future__ import annotations

import subprocess
import sys

from tools.ci import budget
from tools.ci.stages import STAGES
from tools.cluster.places import ROOT


def test_each_stage_waits_for_earlier_ones_only() -> None:
    names = [stage.name for stage in STAGES]
    for number, stage in enumerate(STAGES):
        assert set(stage.after) <= set(names[:number])


def test_whatever_make_is_told_to_do_it_knows() -> None:
    words = [stage.command[1] for stage in STAGES if stage.command[0] == "make"]
    subprocess.run(["make", "--dry-run", *words], cwd=ROOT, check=True, capture_output=True)


def test_it_starts_with_nothing_but_python() -> None:
    code = "import sys; sys.path.insert(0, '.'); import tools.ci.__main__"
    subprocess.run([sys.executable, "-ISc", code], cwd=ROOT, check=True)


def test_the_unit_of_time_is_large_enough_to_be_measured() -> None:
    assert budget.measure_unit() > 0.01
