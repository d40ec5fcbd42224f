"""Images as folders: the OCI image layout (github.com/opencontainers/image-spec)."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Container, Iterator
from pathlib import Path
from typing import IO, Any

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
NAME = "org.opencontainers.image.ref.name"
CONTAINERD_NAME = "io.containerd.image.name"
Descriptor = dict[str, Any]


def write_image(
    layout: Path, name: str, write_layer: Callable[[IO[bytes]], object], settings: dict[str, Any]
) -> None:
    """Write an image of one layer. `settings`: the container's `Entrypoint`, `Cmd`, `Env`."""
    layer = _write_blob(layout, LAYER, write_layer)
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": settings,
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
        # buildah counts the layers by it.
        "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "matinee"}],
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _write_json(layout, CONFIG, config),
        "layers": [layer],
    }
    described = _write_json(layout, MANIFEST, manifest) | {"annotations": {NAME: name}}
    _write_index(layout, [*_others(layout, name), described])


def also_called(layout: Path, name: str, other: str) -> None:
    """Give an image another name besides the one that it has.

    Raises:
        KeyError: the layout has no such image.
    """
    described = manifest_of(layout, name) | {"annotations": {NAME: other}}
    _write_index(layout, [*_others(layout, other), described])


def write_archive(
    file: IO[bytes], layout: Path, name: str, full_name: str, known: Container[str]
) -> None:
    """Write a tar file with the image, without the blobs whose digests are `known`.

    containerd imports it when it has the others already, so the large layers travel once.
    """
    described = manifest_of(layout, name)
    wanted = [described, *descriptors(layout, described)]
    index = {
        "schemaVersion": 2,
        "manifests": [described | {"annotations": {CONTAINERD_NAME: full_name}}],
    }
    with tarfile.open(fileobj=file, mode="w") as archive:
        _add(archive, "oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
        _add(archive, "index.json", json.dumps(index).encode())
        for digest in sorted({entry["digest"] for entry in wanted}):
            if digest not in known:
                blob = _blob(layout, digest)
                archive.add(blob, f"blobs/sha256/{blob.name}")


def manifest_of(layout: Path, name: str) -> Descriptor:
    """The descriptor of the image's manifest.

    Raises:
        KeyError: the layout has no such image.
    """
    for entry in _index(layout):
        if entry.get("annotations", {}).get(NAME) == name:
            return {key: entry[key] for key in ("mediaType", "digest", "size")}
    raise KeyError(f"{layout} has no image {name}")


def descriptors(layout: Path, manifest: Descriptor) -> list[Descriptor]:
    """Configuration and layers of a manifest."""
    content = json.loads(_blob(layout, manifest["digest"]).read_text())
    return [content["config"], *content["layers"]]


def layers(layout: Path, name: str) -> list[Descriptor]:
    """The image's layers, the lowest first."""
    _, *found = descriptors(layout, manifest_of(layout, name))
    return found


def size_bytes(layout: Path, name: str) -> int:
    """Of all layers, as they are stored."""
    return sum(layer["size"] for layer in layers(layout, name))


def files_in(layout: Path, layer: Descriptor) -> Iterator[str]:
    """Names of all files of a layer."""
    with tarfile.open(_blob(layout, layer["digest"])) as archive:
        yield from (member.name for member in archive if not member.isdir())


def drop_unused(layout: Path) -> None:
    """Remove the blobs that no image of the layout needs."""
    used = {entry["digest"] for entry in _index(layout)}
    for entry in _index(layout):
        used |= {child["digest"] for child in descriptors(layout, entry)}
    for blob in (layout / "blobs" / "sha256").iterdir():
        if f"sha256:{blob.name}" not in used:
            blob.unlink()


def _index(layout: Path) -> list[Descriptor]:
    file = layout / "index.json"
    manifests: list[Descriptor] = json.loads(file.read_text())["manifests"] if file.exists() else []
    return manifests


def _others(layout: Path, name: str) -> list[Descriptor]:
    return [e for e in _index(layout) if e.get("annotations", {}).get(NAME) != name]


def _write_index(layout: Path, manifests: list[Descriptor]) -> None:
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": manifests}))


def _write_json(layout: Path, media_type: str, content: object) -> Descriptor:
    encoded = json.dumps(content).encode()
    return _write_blob(layout, media_type, lambda file: file.write(encoded))


def _write_blob(layout: Path, media_type: str, write: Callable[[IO[bytes]], object]) -> Descriptor:
    folder = layout / "blobs" / "sha256"
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / "part"
    with part.open("wb") as file:
        write(file)
    with part.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    size = part.stat().st_size
    part.replace(folder / digest)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": size}


def _blob(layout: Path, digest: str) -> Path:
    return layout / "blobs" / "sha256" / digest.removeprefix("sha256:")


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))
