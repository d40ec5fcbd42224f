from __future__ import annotations

from pathlib import Path

import pytest

from matinee.errors import BadInput
from matinee.store.folder import check_writable


def test_a_folder_that_is_not_there_is_made_and_nothing_is_left_in_it(tmp_path: Path) -> None:
    check_writable(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/nothing", "/sys"])
def test_a_folder_that_cannot_be_written_is_told_with_the_remedy(
    place: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match=r"state\.directory: cannot write to .*--state-dir") as told:
        check_writable(tmp_path / place)
    assert told.value.param == "streaming.state.directory"
