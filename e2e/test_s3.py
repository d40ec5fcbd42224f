"""`matinee fetch` from a real S3 server, versitygw on loopback. No cluster is needed."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import urllib3
from awscrt import checksums
from minio import Minio

from matinee.weights.fetch.manifest import MANIFEST, read_manifest
from matinee.weights.fetch.s3 import DEFAULT_REGION
from matinee_api.contracts.fetch import (
    DONE,
    GIVE_UP,
    FetchConfig,
    FetchedTree,
    FetchResult,
    TreeResult,
)
from tests.servers.ports import free_port
from tools.cluster import binaries
from tools.cluster.shell import ClusterError

TINY = Path(__file__).parents[1] / "runtime" / "matinee" / "bundled" / "tiny"
NEEDED = {
    path.relative_to(TINY).as_posix()
    for path in TINY.rglob("*")
    if path.is_file() and path.suffix != ".md"
}
VAE = "vae/diffusion_pytorch_model.safetensors"
BUCKET = "models"
ACCESS, SECRET = "reader", "only-for-this-test"
MATINEE = (sys.executable, "-m", "matinee", "fetch", "--config")


@dataclass(frozen=True)
class S3:
    """A server with the bundled model at `s3://models/a/tiny`."""

    address: str
    client: Minio

    def put(self, key: str, data: bytes, **options: Any) -> None:
        self.client.put_object(BUCKET, key, io.BytesIO(data), len(data), **options)


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    address = f"127.0.0.1:{free_port()}"
    with serving(address, tmp_path_factory.mktemp("s3")):
        yield filled(address)


@contextlib.contextmanager
def serving(address: str, folder: Path) -> Iterator[str]:
    """An empty server at `host:port`."""
    try:
        binaries.build(print, (binaries.VERSITYGW,))
    except ClusterError as error:
        pytest.skip(str(error))
    folders = [folder / name for name in ("facts", "objects")]
    for each in folders:
        each.mkdir()
    command = [str(binaries.VERSITYGW.file), "--port", address, "posix", "--sidecar"]
    keys = {"ROOT_ACCESS_KEY": ACCESS, "ROOT_SECRET_KEY": SECRET}
    with subprocess.Popen(
        [*command, *map(str, folders)], env=os.environ | keys, stdout=subprocess.PIPE
    ) as server:
        assert server.stdout is not None
        assert any(address.encode() in line for line in server.stdout)
        threading.Thread(target=server.stdout.read, daemon=True).start()  # one line a request
        try:
            yield address
        finally:
            server.kill()


def filled(address: str) -> S3:
    patient = urllib3.PoolManager(retries=urllib3.Retry(connect=50, backoff_factor=0.01))
    client = Minio(
        address, ACCESS, SECRET, secure=False, region=DEFAULT_REGION, http_client=patient
    )
    client.make_bucket(BUCKET)
    for path in TINY.rglob("*"):
        if path.is_file():
            client.fput_object(BUCKET, f"a/tiny/{path.relative_to(TINY).as_posix()}", str(path))
    return S3(address, client)


@pytest.fixture
def credentials(tmp_path: Path) -> str:
    return write_credentials(tmp_path / "credentials", ACCESS, SECRET)


def write_credentials(file: Path, access: str, secret: str) -> str:
    file.write_text(f"[default]\naws_access_key_id = {access}\naws_secret_access_key = {secret}\n")
    return str(file)


def fetch(
    s3: S3, tmp_path: Path, *words: str, env: dict[str, str] | None = None, **changes: Any
) -> tuple[subprocess.CompletedProcess[str], TreeResult]:
    facts = {
        "name": "model",
        "kind": "model",
        "uri": f"s3://{BUCKET}/a/tiny",
        "endpoint": f"http://{s3.address}",
        "folder": str(tmp_path / "cache" / "tiny"),
    }
    tree = FetchedTree.model_validate(facts | changes)
    config = tmp_path / "fetch.json"
    config.write_text(FetchConfig(trees=(tree,), family="ltx", port=0).model_dump_json())
    home = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(
        [*MATINEE, config, *words],
        env=home | {"HOME": str(tmp_path), "PYTHONWARNINGS": "error"} | (env or {}),
        capture_output=True,
        text=True,
    )
    return done, FetchResult.model_validate_json(done.stdout.splitlines()[-1]).trees[0]


def test_a_model_is_fetched_and_every_file_is_checked(
    s3: S3, tmp_path: Path, credentials: str
) -> None:
    done, tree = fetch(s3, tmp_path, token_file=credentials)
    assert (done.returncode, tree.reason, tree.commit) == (DONE, None, None)
    folder = tmp_path / "cache" / "tiny"
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert found == NEEDED | {MANIFEST}
    assert all((folder / name).read_bytes() == (TINY / name).read_bytes() for name in NEEDED)
    manifest = read_manifest(folder)
    assert manifest is not None
    assert {file.digest.partition(":")[0] for file in manifest.files} == {"crc64nvme"}
    done, _ = fetch(s3, tmp_path, token_file=credentials)
    assert "is there already" in done.stderr


def test_resolving_tells_the_bytes(s3: S3, tmp_path: Path, credentials: str) -> None:
    done, tree = fetch(s3, tmp_path, "--resolve", token_file=credentials)
    assert done.returncode == DONE
    assert tree.bytes == sum((TINY / name).stat().st_size for name in NEEDED)
    assert not (tmp_path / "cache").exists()


def test_an_object_in_several_parts_is_checked_too(
    s3: S3, tmp_path: Path, credentials: str
) -> None:
    prefix, vae = "parts/tiny", (TINY / VAE).read_bytes() + bytes(6 * 2**20)
    for name in NEEDED - {VAE}:
        s3.put(f"{prefix}/{name}", (TINY / name).read_bytes())
    s3.put(f"{prefix}/{VAE}", vae, part_size=5 * 2**20)
    _, tree = fetch(s3, tmp_path, uri=f"s3://{BUCKET}/{prefix}/", token_file=credentials)
    assert tree.reason is None
    manifest = read_manifest(tmp_path / "cache" / "tiny")
    assert manifest is not None
    told = {file.path: file.digest for file in manifest.files}
    crc = base64.b64encode(checksums.crc64nvme(vae, 0).to_bytes(8, "big")).decode()
    assert told[VAE] == f"crc64nvme:{crc}"
    assert re.search(r"-\d+$", s3.client.stat_object(BUCKET, f"{prefix}/{VAE}").etag or "")


def test_credentials_may_come_from_the_environment(s3: S3, tmp_path: Path) -> None:
    keys = {"AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET}
    done, tree = fetch(s3, tmp_path, "--resolve", env=keys)
    assert (done.returncode, tree.reason) == (DONE, None)


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        (None, "there are none"),
        (("nobody", SECRET), "does not accept the credentials"),
        ((ACCESS, "wrong"), "SignatureDoesNotMatch"),
    ],
)
def test_credentials_that_do_not_do_are_told_apart(
    keys: tuple[str, str] | None, says: str, s3: S3, tmp_path: Path
) -> None:
    file = write_credentials(tmp_path / "credentials", *keys) if keys else None
    done, tree = fetch(s3, tmp_path, "--resolve", token_file=file)
    assert (done.returncode, tree.reason) == (GIVE_UP, "SourceDenied")
    assert says in tree.message


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("s3://no-such-bucket/a/tiny", "no bucket no-such-bucket"),
        (f"s3://{BUCKET}/b", f"the bucket {BUCKET} has nothing under b/"),
        ("s3://Not_A_Bucket/x", "Not_A_Bucket"),
    ],
)
def test_what_is_missing_is_named(
    uri: str, says: str, s3: S3, tmp_path: Path, credentials: str
) -> None:
    done, tree = fetch(s3, tmp_path, "--resolve", uri=uri, token_file=credentials)
    assert (done.returncode, tree.reason) == (GIVE_UP, "SourceNotFound")
    assert says in tree.message


def test_a_public_bucket_wants_no_credentials(s3: S3, tmp_path: Path) -> None:
    everybody = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": ["s3:ListBucket", "s3:GetObject"],
        "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"],
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [everybody]})
    s3.client.set_bucket_policy(BUCKET, policy)
    try:
        done, tree = fetch(s3, tmp_path)
    finally:
        s3.client.delete_bucket_policy(BUCKET)
    assert (done.returncode, tree.reason) == (DONE, None)


@contextlib.contextmanager
def cut_off(address: str, after_bytes: int, then: Any = lambda: None) -> Iterator[str]:
    """A proxy whose connections to `address` break once a single one has brought so many bytes;
    then calls `then`, and breaks no more."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        proxy = _Cutting(address, after_bytes, then)
        thread = threading.Thread(target=proxy.accept_all, args=(listening,), daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{listening.getsockname()[1]}"
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


class _Cutting:
    def __init__(self, address: str, after_bytes: int, then: Any) -> None:
        self._host, _, self._port = address.partition(":")
        self._after_bytes = after_bytes
        self._then = then
        self._once = threading.Lock()

    def accept_all(self, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):  # closed at the end
            while True:
                client, _ = listening.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        server = socket.create_connection((self._host, int(self._port)))
        with client, server, contextlib.suppress(OSError):
            threading.Thread(target=self._copy, args=(client, server), daemon=True).start()
            brought = 0
            while data := server.recv(2**16):
                brought += len(data)
                if brought > self._after_bytes and self._once.acquire(blocking=False):
                    self._then()
                    break
                client.sendall(data)
            client.shutdown(socket.SHUT_RDWR)  # close() waits for the thread that reads from it

    @staticmethod
    def _copy(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(2**16):
                target.sendall(data)


def test_a_broken_connection_is_gone_on_with(s3: S3, tmp_path: Path, credentials: str) -> None:
    with cut_off(s3.address, after_bytes=2_000_000) as address:
        done, tree = fetch(s3, tmp_path, endpoint=f"http://{address}", token_file=credentials)
    assert (done.returncode, tree.reason) == (DONE, None)
    assert "retry in 1 s" in done.stderr
    assert (tmp_path / "cache" / "tiny" / VAE).read_bytes() == (TINY / VAE).read_bytes()


def test_an_object_that_changes_meanwhile_is_noticed(
    s3: S3, tmp_path: Path, credentials: str
) -> None:
    prefix = "changing/tiny"
    for name in NEEDED:
        s3.put(f"{prefix}/{name}", (TINY / name).read_bytes())

    def change() -> None:
        for name in NEEDED:
            if name.endswith(".safetensors"):
                s3.put(f"{prefix}/{name}", bytes((TINY / name).stat().st_size))

    with cut_off(s3.address, after_bytes=2_000_000, then=change) as address:
        _, tree = fetch(
            s3,
            tmp_path,
            uri=f"s3://{BUCKET}/{prefix}",
            endpoint=f"http://{address}",
            token_file=credentials,
        )
    assert tree.reason == "ChecksumMismatch"
    assert "change while they are fetched" in tree.message
    assert not (tmp_path / "cache" / "tiny").exists()
