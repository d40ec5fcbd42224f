from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from matinee.weights.fetch.manifest import MANIFEST, read_manifest
from matinee.weights.fetch.progress import Progress
from matinee.weights.fetch.run import fetch
from matinee_api.contracts.fetch import FetchConfig, TreeResult
from tests.unit.runtime.weights.fetch.fetching import NEEDED, fetched, names_in, never, resolved
from tests.unit.runtime.weights.fetch.running_hub import TINY, TINY_BYTES, VAE, RunningHub


def test_a_model_appears_whole_and_nothing_else(hub: RunningHub, tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "tiny"
    [result] = fetched(hub.tree(folder))
    assert result == TreeResult(name="model", commit=result.commit, bytes=TINY_BYTES)
    assert names_in(folder) == NEEDED | {MANIFEST}
    assert all((folder / name).read_bytes() == (TINY / name).read_bytes() for name in NEEDED)
    assert {path.name for path in folder.parent.iterdir()} == {"tiny", "tiny.lock"}


def test_the_manifest_tells_every_file(hub: RunningHub, tmp_path: Path) -> None:
    [result] = fetched(hub.tree(tmp_path / "tiny"))
    manifest = read_manifest(tmp_path / "tiny")
    assert manifest is not None
    assert (manifest.uri, manifest.commit) == ("hf://matinee/tiny", result.commit)
    assert {file.path for file in manifest.files} == NEEDED
    assert {file.digest.partition(":")[0] for file in manifest.files} == {"sha256", "git-sha1"}


def test_resolving_writes_nothing(hub: RunningHub, tmp_path: Path) -> None:
    [result] = resolved(hub.tree(tmp_path / "cache" / "tiny"))
    assert (result.bytes, result.reason) == (TINY_BYTES, None)
    assert result.commit
    assert not (tmp_path / "cache").exists()
    assert hub.log(VAE) == []


def test_a_complete_folder_of_a_commit_needs_no_network(hub: RunningHub, tmp_path: Path) -> None:
    [first] = fetched(hub.tree(tmp_path / "tiny"))
    pinned = hub.tree(tmp_path / "tiny", revision=first.commit)
    asked = len(hub.log())
    assert fetched(pinned) == [first]
    assert len(hub.log()) == asked


def test_a_complete_folder_of_a_branch_is_only_compared(hub: RunningHub, tmp_path: Path) -> None:
    assert fetched(hub.tree(tmp_path / "tiny")) == fetched(hub.tree(tmp_path / "tiny"))
    assert len(hub.sent_bytes(VAE)) == 1


def test_a_file_that_was_wrong_once_is_fetched_again(hub: RunningHub, tmp_path: Path) -> None:
    hub.set_faults(corrupt={"file": VAE, "times": 1})
    [result] = fetched(hub.tree(tmp_path / "tiny"))
    assert result.reason is None
    assert hub.sent_bytes(VAE) == [(TINY / VAE).stat().st_size] * 2


@pytest.mark.parametrize("file", [VAE, "tokenizer/tokenizer.json", "model_index.json"])
def test_a_file_that_is_wrong_twice_is_refused(file: str, hub: RunningHub, tmp_path: Path) -> None:
    hub.set_faults(corrupt={"file": file})
    [result] = fetched(hub.tree(tmp_path / "tiny"))
    assert result.reason == "ChecksumMismatch"
    assert file in result.message
    assert not (tmp_path / "tiny").exists()
    hub.set_faults()
    [again] = fetched(hub.tree(tmp_path / "tiny"))
    assert again.reason is None


def test_a_branch_that_moved_replaces_the_folder(hub: RunningHub, tmp_path: Path) -> None:
    [first] = fetched(hub.tree(tmp_path / "tiny"))
    (hub.tiny / "matinee.json").write_text('{"family": "ltx"}')
    [second] = fetched(hub.tree(tmp_path / "tiny"))
    assert second.commit != first.commit
    assert (tmp_path / "tiny" / "matinee.json").read_text() == '{"family": "ltx"}'
    assert not (tmp_path / "tiny.old").exists()


@pytest.mark.parametrize(
    ("damage", "asks"),
    [
        (lambda folder: (folder / "vae/config.json").unlink(), "vae/config.json"),
        (lambda folder: (folder / "vae/config.json").write_text("{}"), "vae/config.json"),
        (lambda folder: shutil.rmtree(folder / "tokenizer"), "tokenizer/tokenizer.json"),
    ],
)
def test_a_damaged_folder_is_mended_with_what_is_wrong_only(
    damage: Callable[[Path], object], asks: str, hub: RunningHub, tmp_path: Path
) -> None:
    folder = tmp_path / "tiny"
    [first] = fetched(hub.tree(folder))
    damage(folder)
    assert fetched(hub.tree(folder, revision=first.commit)) == [first]
    assert all((folder / name).read_bytes() == (TINY / name).read_bytes() for name in NEEDED)
    assert len(hub.sent_bytes(asks)) == 2
    assert len(hub.sent_bytes(VAE)) == 1


def test_mending_finds_damage_that_a_size_does_not_show(hub: RunningHub, tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    fetched(hub.tree(folder))
    weights = bytearray((folder / VAE).read_bytes())
    weights[1000] ^= 1
    (folder / VAE).write_bytes(weights)
    (folder / "vae/config.json").unlink()
    fetched(hub.tree(folder))
    assert (folder / VAE).read_bytes() == (TINY / VAE).read_bytes()


def test_a_folder_of_somebody_else_is_left_alone(hub: RunningHub, tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "diary.txt").write_text("mine")
    [result] = fetched(hub.tree(tmp_path / "tiny"))
    assert result.reason == "SourceUnsupported"
    assert (tmp_path / "tiny" / "diary.txt").read_text() == "mine"


def test_the_progress_counts_what_was_there(hub: RunningHub, tmp_path: Path) -> None:
    config = FetchConfig(trees=(hub.tree(tmp_path / "tiny"),), family="ltx")
    for _ in range(2):
        progress = Progress()
        fetch(config, progress, never)
        told = next(progress.lines())
        assert (told.bytes_done, told.bytes_total) == (TINY_BYTES, TINY_BYTES)
