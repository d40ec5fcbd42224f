from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from matinee.jobs.temporary import PREFIX, temporary_folder
from matinee.jobs.workshop import Workshop


def test_folders_of_killed_servers_go_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    alive, dead, beginning = (temporary_folder() for _ in range(3))
    living = Workshop(alive)
    Workshop(dead)._let_go()  # as a process that is killed
    linked = tmp_path / "of-somebody"
    Workshop(linked)._let_go()
    (tmp_path / f"{PREFIX}link").symlink_to(linked)
    new = temporary_folder()
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {alive.name, beginning.name, linked.name, f"{PREFIX}link", new.name}
    assert (linked / "holders").is_dir()
    living.close()
