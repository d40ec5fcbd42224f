from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from matinee.fetch.manifest import MANIFEST, read_manifest
from matinee.fetch.progress import Progress
from matinee.fetch.run import fetch, resolve
from matinee_api.fetch import FetchConfig, FetchedTree, TreeResult
from tests.runtime.fetch.running_hub import TINY, TINY_BYTES, TOKEN, VAE, RunningHub


def never(_seconds: float) -> None:
    """Of sources that answer at once."""
    raise AssertionError("waited for another try")


def fetched(*trees: FetchedTree, sleep: Callable[[float], None] = never) -> list[TreeResult]:
    progress = Progress()
    result = fetch(FetchConfig(trees=trees, family="ltx"), progress, sleep)
    return list(result.trees)


def resolved(*trees: FetchedTree, sleep: Callable[[float], None] = never) -> list[TreeResult]:
    return list(resolve(FetchConfig(trees=trees, family="ltx"), sleep).trees)


def lora(folder: Path, name: str = "pytorch_lora_weights.safetensors", key: str = "") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    save_file({key or "transformer.x.lora_A.weight": np.zeros((2, 2), np.float32)}, folder / name)


def names_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


NEEDED = {path for path in names_in(TINY) if not path.endswith(".md")}


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


def test_a_connection_that_breaks_is_gone_on_with(hub: RunningHub, tmp_path: Path) -> None:
    hub.set_faults(cut={"file": VAE, "after_bytes": 1_000_000, "times": 2})
    waited: list[float] = []
    [result] = fetched(hub.tree(tmp_path / "tiny"), sleep=waited.append)
    assert result.reason is None
    assert waited == [1.0, 1.0]  # each try brought something
    ranges = [one["range"] for one in hub.log(VAE) if one["status"] != 302]
    assert ranges == [None, "bytes=1000000-", "bytes=2000000-"]


def test_a_server_without_ranges_is_asked_for_everything(hub: RunningHub, tmp_path: Path) -> None:
    hub.set_faults(cut={"file": VAE, "after_bytes": 1_000_000, "times": 1}, no_ranges=True)
    [result] = fetched(hub.tree(tmp_path / "tiny"), sleep=lambda _seconds: None)
    assert result.reason is None
    assert hub.sent_bytes(VAE) == [1_000_000, (TINY / VAE).stat().st_size]


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


def test_a_hub_that_is_busy_is_asked_again(hub: RunningHub, tmp_path: Path) -> None:
    hub.set_faults(busy={"times": 3})
    waited: list[float] = []
    [result] = fetched(hub.tree(tmp_path / "tiny"), sleep=waited.append)
    assert result.reason is None
    assert waited == [1.0, 2.0, 4.0]


def test_a_hub_that_stays_busy_is_unreachable(hub: RunningHub, tmp_path: Path) -> None:
    hub.set_faults(busy={"times": 1000})
    [result] = resolved(hub.tree(tmp_path / "tiny"), sleep=lambda _seconds: None)
    assert result.reason == "SourceUnreachable"
    assert "503" in result.message


@pytest.mark.parametrize(
    ("endpoint", "says"),
    [
        ("http://no.such.host.invalid", "not known"),
        ("http://127.0.0.1:{port}", "Connection refused"),
        ("nonsense", "protocol"),
    ],
)
def test_an_address_without_a_hub_is_unreachable(
    endpoint: str, says: str, hub: RunningHub, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    tree = hub.tree(tmp_path / "tiny", endpoint=endpoint.format(port=port))
    [result] = resolved(tree, sleep=lambda _seconds: None)
    assert result.reason == "SourceUnreachable"
    assert says in result.message


@pytest.fixture
def token_file(tmp_path: Path) -> Callable[[str], str]:
    def write(text: str) -> str:
        (tmp_path / "token").write_text(text)
        return str(tmp_path / "token")

    return write


@pytest.mark.parametrize(
    ("token", "reason", "says"),
    [
        (None, "SourceDenied", "there is no token"),
        ("hf_wrong\n", "SourceDenied", "is not valid"),
        ("", "SourceDenied", "holds no token"),
        (f"{TOKEN}\n", None, ""),
    ],
)
def test_a_private_model_wants_the_right_token(
    token: str | None,
    reason: str | None,
    says: str,
    private_hub: RunningHub,
    tmp_path: Path,
    token_file: Callable[[str], str],
) -> None:
    file = None if token is None else token_file(token)
    [result] = fetched(private_hub.tree(tmp_path / "tiny", token_file=file))
    assert result.reason == reason
    assert says in result.message
    assert "hf_" not in result.message


def test_the_token_of_the_environment_goes_to_no_other_hub(
    private_hub: RunningHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    [result] = resolved(private_hub.tree(tmp_path / "tiny"))
    assert result.reason == "SourceDenied"


@pytest.mark.parametrize(
    ("changes", "with_token", "reason", "says"),
    [
        ({"uri": "hf://matinee/none"}, True, "SourceNotFound", "has no model matinee/none"),
        ({"uri": "hf://matinee/none"}, False, "SourceDenied", "correct the name"),
        ({"uri": "hf:no-name"}, True, "SourceNotFound", "no-name"),
        ({"revision": "v9"}, True, "SourceNotFound", "no revision v9"),
        ({"uri": "oci://registry/name:tag"}, True, "SourceUnsupported", "oci:"),
        ({"token_file": "/nowhere/token"}, True, "SourceDenied", "/nowhere/token"),
    ],
)
def test_what_is_missing_is_named(
    changes: dict[str, Any],
    with_token: bool,
    reason: str,
    says: str,
    private_hub: RunningHub,
    tmp_path: Path,
    token_file: Callable[[str], str],
) -> None:
    token = {"token_file": token_file(TOKEN)} if with_token else {}
    [result] = resolved(private_hub.tree(tmp_path / "tiny", **(token | changes)))
    assert result.reason == reason
    assert says in result.message


def test_a_gated_model_tells_to_accept_its_terms(
    private_hub: RunningHub, tmp_path: Path, token_file: Callable[[str], str]
) -> None:
    private_hub.set_faults(gated=True)
    tree = private_hub.tree(tmp_path / "tiny", token_file=token_file(TOKEN))
    [result] = resolved(tree)
    assert result.reason == "SourceDenied"
    assert "accept its terms" in result.message


def test_a_moving_branch_is_fetched_at_the_commit_that_is_pinned(
    hub: RunningHub, tmp_path: Path
) -> None:
    [first] = resolved(hub.tree(tmp_path / "tiny", revision="main"))
    (hub.tiny / "matinee.json").write_text('{"family": "ltx"}')
    [pinned] = fetched(hub.tree(tmp_path / "tiny", revision=first.commit))
    assert pinned.commit == first.commit
    name = "matinee.json"
    assert (tmp_path / "tiny" / name).read_bytes() == (TINY / name).read_bytes()


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


def test_a_model_of_another_family_is_refused_before_its_weights(
    hub: RunningHub, tmp_path: Path
) -> None:
    index = json.loads((TINY / "model_index.json").read_text())
    index["_class_name"] = "WanPipeline"
    (hub.tiny / "model_index.json").write_text(json.dumps(index))
    for results in (resolved(hub.tree(tmp_path / "tiny")), fetched(hub.tree(tmp_path / "tiny"))):
        assert results[0].reason == "FamilyUnsupported"
        assert "WanPipeline" in results[0].message
        assert "ltx" in results[0].message
    assert hub.log(VAE) == []


def test_a_repository_that_is_no_model_is_refused(hub: RunningHub, tmp_path: Path) -> None:
    (hub.tiny / "model_index.json").unlink()
    [result] = resolved(hub.tree(tmp_path / "tiny"))
    assert result.reason == "FamilyUnsupported"
    assert "has no model_index.json" in result.message


def adapter(hub: RunningHub, folder: Path) -> FetchedTree:
    return hub.tree(folder, name="style", kind="adapter", uri="hf://matinee/style")


def test_an_adapter_is_one_file(hub: RunningHub, tmp_path: Path) -> None:
    lora(hub.folder / "matinee" / "style")
    lora(hub.folder / "matinee" / "style" / "checkpoint-500")
    [result] = fetched(adapter(hub, tmp_path / "style"))
    assert result.reason is None
    assert names_in(tmp_path / "style") == {MANIFEST, "pytorch_lora_weights.safetensors"}


@pytest.mark.parametrize("content", ["no LoRA", "no safetensors"])
def test_a_bad_adapter_leaves_the_model_alone(
    content: str, hub: RunningHub, tmp_path: Path
) -> None:
    lora(hub.folder / "matinee" / "style", key="transformer.x.weight")
    if content == "no safetensors":
        name = "pytorch_lora_weights.safetensors"
        (hub.folder / "matinee" / "style" / name).write_bytes(b"GIF89a")
    trees = (adapter(hub, tmp_path / "style"), hub.tree(tmp_path / "tiny"))
    style, model = fetched(*trees)
    assert style.reason == "AdapterInvalid"
    assert content.removeprefix("no ") in style.message
    assert model.reason is None
    assert (tmp_path / "tiny").is_dir()
    assert not (tmp_path / "style").exists()


def test_the_progress_counts_what_was_there(hub: RunningHub, tmp_path: Path) -> None:
    config = FetchConfig(trees=(hub.tree(tmp_path / "tiny"),), family="ltx")
    for _ in range(2):
        progress = Progress()
        fetch(config, progress, never)
        told = next(progress.lines())
        assert (told.bytes_done, told.bytes_total) == (TINY_BYTES, TINY_BYTES)


@pytest.mark.parametrize("scheme", ["pvc://claim/tiny", "file:///tiny"])
def test_a_mounted_model_is_only_looked_at(scheme: str, hub: RunningHub) -> None:
    tree = hub.tree(TINY, uri=scheme)
    assert fetched(tree) == resolved(tree) == [TreeResult(name="model", bytes=TINY_BYTES)]
    assert not (TINY / MANIFEST).exists()


def test_a_mounted_model_that_is_not_there_is_told(hub: RunningHub, tmp_path: Path) -> None:
    tree = hub.tree(tmp_path / "none", uri="pvc://claim/none")
    assert fetched(tree)[0].reason == "SourceNotFound"
    assert resolved(tree)[0].reason is None  # a Job that resolves has no volume
