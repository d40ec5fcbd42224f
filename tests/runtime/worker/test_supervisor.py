from __future__ import annotations

import subprocess
import sys

from tests.runtime.worker.conftest import StartWorker, alone, ends_well, segment, watch


async def test_a_segment_arrives_whole_and_ends_with_its_state(start_worker: StartWorker) -> None:
    worker = await start_worker()
    job = segment(frames=49)

    pixels, events = await watch(worker.submit(job))

    assert ends_well(events)
    assert pixels == alone(job)


def test_the_api_side_needs_no_torch() -> None:
    code = "import matinee.worker.pool, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
