"""Files of jobs in a folder of an S3 bucket, at AWS or wherever the API is spoken. As
`results.FolderResults`; what is read of it is kept on this server's disk for a while.

Credentials are those that AWS' own programs find: the environment, `~/.aws/credentials`, the role
of the pod or the machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.error import MinioException

from matinee.weights.fetch.aws_profile import credentials, region_of

AWS = "https://s3.amazonaws.com"
KEPT_BYTES = 2**30
"""Of files that were read; those that were read last stay."""
CONNECT_S, READ_S = 5.0, 30.0
NO_SUCH_KEY = "NoSuchKey"


class S3Results:
    """`uri`: `s3://BUCKET/FOLDER`. `kept`: a folder of this server's own. Nothing is asked so
    far."""

    def __init__(self, uri: str, endpoint: str | None, kept: Path) -> None:
        place, server = urlsplit(uri), urlsplit(endpoint or AWS)
        self._bucket, self._prefix = place.netloc, f"{place.path.strip('/')}/".lstrip("/")
        self._kept = kept
        self._client = Minio(
            server.netloc,
            secure=server.scheme == "https",
            region=region_of(None),
            credentials=credentials(None),
            http_client=urllib3.PoolManager(
                timeout=urllib3.Timeout(connect=CONNECT_S, read=READ_S),
                retries=urllib3.Retry(total=2, backoff_factor=0.2, status_forcelist=(500, 503)),
            ),
        )

    def put(self, job_id: str, part: str, name: str, file: Path) -> None:
        with _errors():
            self._client.fput_object(self._bucket, self._key(job_id, part, name), str(file))

    def get(self, job_id: str, part: str, name: str) -> Path:
        return self._kept / job_id / part / name

    def fetch(self, path: Path) -> None:
        if path.exists():
            path.touch()
            return
        self._make_room()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _errors():
            try:
                key = f"{self._prefix}{path.relative_to(self._kept).as_posix()}"
                self._client.fget_object(self._bucket, key, str(path))
            except MinioException as error:
                if getattr(error, "code", None) != NO_SUCH_KEY:
                    raise

    def jobs(self) -> Iterator[str]:
        with _errors():
            for found in self._client.list_objects(self._bucket, self._prefix):
                yield (found.object_name or "").removeprefix(self._prefix).strip("/")

    def parts(self, job_id: str) -> set[str]:
        prefix = self._key(job_id, "", "").rstrip("/") + "/"
        with _errors():
            found = self._client.list_objects(self._bucket, prefix)
            return {(one.object_name or "").removeprefix(prefix).strip("/") for one in found}

    def remove(self, job_id: str, part: str | None = None) -> None:
        prefix = f"{self._prefix}{job_id}/{part}/" if part else f"{self._prefix}{job_id}/"
        with _errors():
            for found in self._client.list_objects(self._bucket, prefix, recursive=True):
                self._client.remove_object(self._bucket, found.object_name or "")

    def _key(self, job_id: str, part: str, name: str) -> str:
        return f"{self._prefix}{job_id}/{part}/{name}"

    def _make_room(self) -> None:
        """The files that were read last stay, with room for as much again."""
        total = 0
        files = [path for path in self._kept.rglob("*") if path.is_file()]
        for path in sorted(files, key=lambda one: one.stat().st_mtime, reverse=True):
            total += path.stat().st_size
            if total > KEPT_BYTES:
                path.unlink(missing_ok=True)


@contextmanager
def _errors() -> Iterator[None]:
    """Raises OSError."""
    try:
        yield
    except (MinioException, urllib3.exceptions.HTTPError) as error:
        raise OSError(f"{type(error).__name__}: {error}") from error
