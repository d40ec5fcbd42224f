from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from tools.cluster import oci


def layout(folder: Path) -> Path:
    oci.write_image(folder, "one", lambda file: file.write(b"first"), {"Cmd": ["one"]})
    oci.write_image(folder, "two", lambda file: file.write(b"second"), {"Cmd": ["two"]})
    return folder


def archive(folder: Path, name: str, known: set[str]) -> dict[str, bytes]:
    buffer = io.BytesIO()
    oci.write_archive(buffer, folder, name, f"registry/{name}", known)
    buffer.seek(0)
    with tarfile.open(fileobj=buffer) as opened:
        return {
            member.name: opened.extractfile(member).read()  # type: ignore[union-attr]
            for member in opened
        }


def test_an_image_is_found_by_its_name(tmp_path: Path) -> None:
    found = oci.manifest_of(layout(tmp_path), "one")
    config, layer = oci.descriptors(tmp_path, found)
    written = json.loads((tmp_path / "blobs/sha256" / config["digest"][7:]).read_text())
    assert written["config"] == {"Cmd": ["one"]}
    assert written["rootfs"]["diff_ids"] == [layer["digest"]]
    assert oci.size_bytes(tmp_path, "one") == len(b"first")
    with pytest.raises(KeyError, match="no image three"):
        oci.manifest_of(tmp_path, "three")


def test_an_archive_holds_the_image_under_its_full_name(tmp_path: Path) -> None:
    held = archive(layout(tmp_path), "one", set())
    (entry,) = json.loads(held["index.json"])["manifests"]
    assert entry["annotations"] == {oci.CONTAINERD_NAME: "registry/one"}
    assert sum(name.startswith("blobs/") for name in held) == 3
    assert b"first" in held.values()
    assert b"second" not in held.values()


def test_blobs_that_are_known_are_left_out(tmp_path: Path) -> None:
    found = oci.manifest_of(layout(tmp_path), "one")
    layer = oci.descriptors(tmp_path, found)[1]["digest"]
    assert b"first" not in archive(tmp_path, "one", {layer}).values()


def test_an_image_can_have_two_names(tmp_path: Path) -> None:
    layout(tmp_path)
    for _ in range(2):
        oci.also_called(tmp_path, "one", "first")
    assert oci.manifest_of(tmp_path, "first") == oci.manifest_of(tmp_path, "one")
    oci.also_called(tmp_path, "two", "first")
    assert oci.manifest_of(tmp_path, "first") == oci.manifest_of(tmp_path, "two")
    oci.drop_unused(tmp_path)
    assert oci.size_bytes(tmp_path, "one") == len(b"first")


def test_an_image_that_is_written_again_takes_the_old_one_s_place(tmp_path: Path) -> None:
    layout(tmp_path)
    oci.write_image(tmp_path, "one", lambda file: file.write(b"third"), {})
    oci.drop_unused(tmp_path)
    contents = {blob.read_bytes() for blob in (tmp_path / "blobs" / "sha256").iterdir()}
    assert b"first" not in contents
    assert {b"second", b"third"} <= contents
