from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from matinee.jobs.making import Handle
from matinee.jobs.service import JobService, JobsUnavailable
from matinee_api.config.jobs_config import JobsConfig


class NoWorkers:
    info = None

    def submit(self, _job: Any) -> Handle:
        raise AssertionError("there is no room for a job")


async def nothing(*_given: Any) -> Any:
    raise AssertionError("no job begins with a picture")


def service_in(folder: Path | None) -> JobService:
    return JobService(JobsConfig(), folder, NoWorkers(), nothing, room=lambda: 0, encoders=1)


@pytest.mark.parametrize("temporary", [True, False])
async def test_who_is_told_to_end_while_it_starts_leaves_nothing_behind(
    temporary: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    service = service_in(None if temporary else tmp_path)
    starting = asyncio.create_task(service.start())
    await asyncio.sleep(0)  # it opens its folder in a thread
    await asyncio.gather(service.stop(), service.stop(), starting)
    await service.stop()
    assert caplog.messages == []
    with pytest.raises(JobsUnavailable):
        await service.page(None, 1, "desc")


async def test_what_was_told_to_end_before_it_began_does_not_begin(tmp_path: Path) -> None:
    service = service_in(tmp_path)
    await service.stop()
    await service.start()
    with pytest.raises(JobsUnavailable):
        await service.page(None, 1, "desc")
