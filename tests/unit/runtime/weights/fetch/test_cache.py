from __future__ import annotations

import threading
from pathlib import Path

import pytest

from matinee.weights.fetch import cache
from matinee.weights.fetch.errors import FetchFailed
from matinee.weights.fetch.files import SourceFile
from matinee.weights.fetch.manifest import MANIFEST, Manifest, read_manifest, write_manifest

ONE = SourceFile(path="a/one", size_bytes=4, digest="etag:1")
TWO = SourceFile(path="two", size_bytes=6, digest="etag:2")
WANTED = Manifest(uri="hf:o/n", commit="c1", files=(ONE, TWO))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "model"


def fill(folder: Path, *files: SourceFile, size_bytes: int | None = None) -> None:
    for file in files:
        (folder / file.path).parent.mkdir(parents=True, exist_ok=True)
        (folder / file.path).write_bytes(b"x" * (size_bytes or file.size_bytes))


def complete(folder: Path, manifest: Manifest = WANTED) -> None:
    fill(folder, *manifest.files)
    write_manifest(folder, manifest)


def test_a_folder_appears_with_its_manifest(folder: Path) -> None:
    partial = cache.begin(folder, WANTED)
    fill(partial, ONE, TWO)
    assert not folder.exists()
    cache.finish(folder, partial)
    assert cache.complete(folder, "hf:o/n", "c1") == WANTED
    assert not partial.exists()


@pytest.mark.parametrize(("uri", "commit"), [("hf:o/other", "c1"), ("hf:o/n", "c2")])
def test_another_version_is_not_what_is_wanted(folder: Path, uri: str, commit: str) -> None:
    complete(folder)
    assert cache.complete(folder, uri, commit) is None


def test_what_an_earlier_try_left_is_kept(folder: Path) -> None:
    partial = cache.begin(folder, WANTED)
    fill(partial, ONE)
    (partial / "two.part").write_bytes(b"xx")
    assert cache.begin(folder, WANTED) == partial
    assert cache.missing_bytes(partial, WANTED) == 4


def test_what_is_not_wanted_any_more_is_removed(folder: Path) -> None:
    partial = cache.begin(folder, WANTED)
    fill(partial, ONE)
    (partial / "two.part").write_bytes(b"xx")
    changed = TWO.model_copy(update={"digest": "etag:3"})
    cache.begin(folder, Manifest(uri="hf:o/n", commit="c2", files=(ONE, changed)))
    assert (partial / "a/one").exists()
    assert not (partial / "two.part").exists()


@pytest.mark.parametrize("left", ["a/one.part", "a/one"])
def test_without_a_manifest_nothing_left_is_believed(folder: Path, left: str) -> None:
    partial = cache.begin(folder, WANTED)
    fill(partial, ONE.model_copy(update={"path": left}))
    (partial / MANIFEST).write_text("{")
    cache.begin(folder, WANTED)
    assert cache.missing_bytes(partial, WANTED) == 10


def test_a_file_of_a_wrong_size_is_not_complete(folder: Path) -> None:
    partial = cache.begin(folder, WANTED)
    fill(partial, ONE, size_bytes=3)
    cache.begin(folder, WANTED)
    assert not (partial / "a/one").exists()


def test_a_damaged_folder_is_out_of_sight_and_its_files_are_checked_again(folder: Path) -> None:
    complete(folder)
    (folder / "two").unlink()
    partial = cache.begin(folder, WANTED)
    assert not folder.exists()
    assert (partial / "a/one.part").exists()
    assert cache.missing_bytes(partial, WANTED) == 6


def test_a_process_that_died_while_it_mended_loses_nothing(folder: Path) -> None:
    complete(folder)
    folder.rename(cache.beside(folder, ".old"))
    partial = cache.begin(folder, WANTED)
    assert cache.missing_bytes(partial, WANTED) == 0
    assert not cache.beside(folder, ".old").exists()


def test_another_version_stays_until_the_new_one_is_complete(folder: Path) -> None:
    before = Manifest(uri="hf:o/n", commit="c0", files=(ONE,))
    complete(folder, before)
    partial = cache.begin(folder, WANTED)
    assert read_manifest(folder) == before
    fill(partial, ONE, TWO)
    cache.finish(folder, partial)
    assert read_manifest(folder) == WANTED
    assert not cache.beside(folder, ".old").exists()


def test_an_empty_folder_is_taken(folder: Path) -> None:
    folder.mkdir()
    partial = cache.begin(folder, WANTED)
    fill(partial, ONE, TWO)
    cache.finish(folder, partial)
    assert (folder / "two").exists()


def test_a_folder_of_somebody_else_is_refused(folder: Path) -> None:
    folder.mkdir()
    (folder / "diary").touch()
    with pytest.raises(FetchFailed, match="was not fetched by matinee"):
        cache.begin(folder, WANTED)


def test_a_mount_point_is_refused_before_anything_is_fetched() -> None:
    with pytest.raises(FetchFailed, match=r"mount the volume at /$"):
        cache.begin(Path("/proc"), WANTED)
    assert not Path("/proc.partial").exists()


def test_a_folder_whose_manifest_is_damaged_is_fetched_again(folder: Path) -> None:
    complete(folder)
    (folder / MANIFEST).write_text("{")
    partial = cache.begin(folder, WANTED)
    assert not folder.exists()
    assert cache.missing_bytes(partial, WANTED) == 10


def test_the_lock_is_for_one_at_a_time(folder: Path) -> None:
    order: list[str] = []

    def second() -> None:
        with cache.locked(folder):
            order.append("second")

    thread = threading.Thread(target=second)
    with cache.locked(folder):
        thread.start()
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
