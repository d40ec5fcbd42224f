"""Jobs on one disk: what everything that keeps jobs must do, and what only this one can."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from matinee.jobs.desk import Desk, New, SourceGone
from matinee.jobs.keeping import Keeping
from matinee.jobs.workshop import INPUT
from tests.unit.runtime.jobs.conformance import *  # noqa: F403
from tests.unit.runtime.jobs.conformance import MOMENTS, brought_to
from tests.unit.runtime.jobs.making import Clock, desk_of, order


@dataclass
class Disk:
    """See `conformance.House`."""

    folder: Path
    clock: Clock = field(default_factory=Clock)

    def open(self) -> Desk:
        return desk_of(self.folder, self.clock)

    def kill(self, desk: Keeping) -> None:
        """Open files and locks are gone, all else stays."""
        desk = cast(Desk, desk)
        desk.ledger.close()
        desk.workshop._let_go()

    def files(self) -> set[tuple[str, str]]:
        paths = (self.folder / "files").glob("*/*")
        return {(path.parent.name, path.name) for path in paths}


@pytest.fixture
def house(tmp_path: Path) -> Disk:
    return Disk(tmp_path)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_server_that_starts_sweeps_what_a_dead_one_was_writing(house: Disk, moment: str) -> None:
    dying = house.open()
    job = brought_to(moment, dying)
    if moment == "it was completed":
        dying.workshop.put_in_place(job.id, dying.making / job.id)
    house.kill(dying)
    heir = house.open()
    assert house.files() == {(job.id, INPUT)}
    assert [one.name for one in (house.folder / "making").iterdir()] == [heir.workshop.holder]
    heir.close()
    assert list((house.folder / "holders").iterdir()) == []


def test_a_remix_of_what_was_deleted_meanwhile_leaves_nothing(house: Disk) -> None:
    desk = house.open()
    gone = {"input_mime": "image/png", "remixed_from": "video_of_nobody"}
    with pytest.raises(SourceGone):
        desk.create(New(order().model_copy(update=gone)))
    assert list((house.folder / "files").iterdir()) == []
    assert desk.page(None, 1, "asc", "") == []
    desk.close()


def test_an_upload_without_a_job_is_swept(house: Disk) -> None:
    dying = house.open()
    (dying.making / "upload").write_bytes(b"png")
    dying.workshop.take_input("video_of_nobody", dying.making / "upload")
    house.kill(dying)
    house.open().close()
    assert list((house.folder / "files").iterdir()) == []
