from __future__ import annotations

import subprocess
import sys

TURNS = """
import resource, sys
import numpy as np
from matinee.serving import large_blocks
getattr(large_blocks, sys.argv[1])()

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = [np.ones(16 * 2**20, np.uint8) for _ in range(4)]
    del blocks
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults()
print(sum(faults() for _ in range(3)))
"""
LEAST = 3 * 4 * 8
"""Of all three turns' blocks, where the kernel gives pages of 2 MiB."""


def faults(setting: str) -> int:
    """How many pages a process takes anew for blocks that it had before."""
    command = [sys.executable, "-c", TURNS, setting]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_who_computes_keeps_its_blocks_and_who_serves_gives_them_back() -> None:
    assert faults("keep_large_blocks") < LEAST
    assert faults("give_large_blocks_back") >= LEAST
