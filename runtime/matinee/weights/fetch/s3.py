"""`s3:` sources: a folder of an S3 bucket, at AWS or wherever the API is spoken.

Credentials: those of the tree's file (AWS_PROFILE, or `[default]`), else what AWS' own programs
find (environment, `~/.aws/credentials`, the role of the pod or the machine), else none, which
public buckets allow.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar
from urllib.parse import urlsplit
from xml.etree.ElementTree import ParseError

import urllib3
from minio import Minio
from minio.datatypes import Object
from minio.error import MinioException

from matinee.weights.fetch.aws_profile import REGION, credentials, region_of
from matinee.weights.fetch.endpoints import checked_endpoint
from matinee.weights.fetch.errors import FetchFailed
from matinee.weights.fetch.files import Listing, SourceFile, listing_of, stays_inside
from matinee.weights.fetch.s3_errors import error_of, region_told
from matinee.weights.fetch.s3_http import CHUNK_BYTES, http_to
from matinee.weights.fetch.transfer import Content
from matinee_api.contracts.fetch import FetchedTree
from matinee_api.proxies import ProxyUnusable

T = TypeVar("T")
AWS = "https://s3.amazonaws.com"
DEFAULT_REGION = "us-east-1"
"""What stores that know no regions are signed for."""
_CHECKSUMS = {
    "sha256": "sha256-base64",
    "crc64nvme": "crc64nvme",
    "crc32c": "crc32c",
    "sha1": "sha1",
    "crc32": "crc32",
}
"""S3's names, the best first, and ours."""
_MD5 = re.compile(r"[0-9a-f]{32}")


class Bucket:
    """One folder of a bucket."""

    def __init__(self, tree: FetchedTree) -> None:
        place = urlsplit(tree.uri)
        self._bucket = place.netloc
        self._prefix = f"{place.path.strip('/')}/".lstrip("/")
        self._endpoint = checked_endpoint(tree.endpoint or AWS, "endpoint", path=False)
        self._provider = credentials(tree.token_file)
        self._region = None if self._endpoint == AWS else region_of(tree.token_file)
        self._client: Minio | None = None
        self._etags: dict[str, str] = {}
        self.where = f"s3://{self._bucket}/{self._prefix} on {self._endpoint}"

    def listing(self) -> Listing:
        """Raises `TransferBroken` and `FetchFailed`, as every method does."""
        with self._errors():
            listing = self._in_its_region(self._listed)
        if not listing.files:
            raise FetchFailed(
                "SourceNotFound",
                f"the bucket {self._bucket} has nothing under {self._prefix or '/'}; correct the "
                "folder",
            )
        return listing

    def _listed(self) -> Listing:
        found = self._connected().list_objects(self._bucket, self._prefix, recursive=True)
        files = (self._described(one) for one in found if self._is_file(one))
        try:
            return listing_of(files, self.where)
        except (ParseError, AttributeError, TypeError) as error:  # XML of something else
            raise ValueError(f"it answers no list of files: {error}") from error

    def _in_its_region(self, ask: Callable[[], T]) -> T:
        """A store that wants another region to be signed for says which."""
        try:
            return ask()
        except MinioException as error:
            told = region_told(error)
            if told is None or told == self._region:
                raise
            self._region, self._client = told, None
            return ask()

    def checked(self, files: tuple[SourceFile, ...]) -> tuple[SourceFile, ...]:
        """The same with digests, which a listing does not have."""
        return tuple(map(self._with_digest, files))

    @contextlib.contextmanager
    def read(self, file: SourceFile, offset_bytes: int) -> Iterator[Content]:
        with self._errors():
            response = self._connected().get_object(
                self._bucket,
                self._prefix + file.path,
                offset=offset_bytes,
                request_headers={"If-Match": f'"{self._etags[file.path]}"'},
            )
            try:
                is_rest = response.status == 206
                yield Content(
                    offset_bytes if is_rest else 0,
                    response.stream(CHUNK_BYTES, decode_content=False),
                )
            finally:
                response.close()

    def _connected(self) -> Minio:
        if self._client is None:
            address, http = urlsplit(self._endpoint), http_to(self._endpoint)
            if self._region is None:
                at_aws = self._endpoint == AWS
                self._region = _region_at_aws(http, self._bucket) if at_aws else DEFAULT_REGION
            self._client = Minio(
                address.netloc,
                secure=address.scheme == "https",
                region=self._region,
                credentials=self._provider,
                http_client=http,
            )
        return self._client

    def _is_file(self, found: Object) -> bool:
        name = (found.object_name or "").removeprefix(self._prefix)
        return not found.is_dir and stays_inside(name)

    def _described(self, found: Object) -> SourceFile:
        path = (found.object_name or "").removeprefix(self._prefix)
        self._etags[path] = etag = (found.etag or "").strip('"')
        return SourceFile(path=path, size_bytes=found.size or 0, digest=f"etag:{etag}")

    def _with_digest(self, file: SourceFile) -> SourceFile:
        etag = self._etags[file.path]
        with self._errors():
            facts = self._connected().stat_object(
                self._bucket,
                self._prefix + file.path,
                extra_headers={"x-amz-checksum-mode": "ENABLED", "If-Match": f'"{etag}"'},
            )
        return file.model_copy(update={"digest": digest_of(facts.metadata or {}, etag)})

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (MinioException, urllib3.exceptions.HTTPError, ValueError) as error:
            raise error_of(error, self._bucket, self.where, bool(self._provider)) from error
        except ProxyUnusable as error:
            raise FetchFailed("SourceUnsupported", str(error)) from error


def digest_of(headers: Mapping[str, str], etag: str) -> str:
    """The best of the digests that an object's headers tell (names in any case)."""
    found = {name.lower(): value for name, value in headers.items()}
    for name, ours in _CHECKSUMS.items():
        value = found.get(f"x-amz-checksum-{name}")
        if value and "-" not in value:  # with a dash it is one of the checksums of the parts
            return f"{ours}:{value}"
    if _MD5.fullmatch(etag) and not _encrypted_with_a_key(found):
        return f"md5:{etag}"
    return f"etag:{etag}"


def _encrypted_with_a_key(headers: Mapping[str, str]) -> bool:
    """Then an ETag is no MD5 of the content."""
    server_side = headers.get("x-amz-server-side-encryption", "")
    return "kms" in server_side or any("encryption-customer" in name for name in headers)


def _region_at_aws(http: urllib3.PoolManager, bucket: str) -> str:
    """AWS tells where a bucket is to everybody, also to those who may not look into it."""
    answer = http.request("HEAD", f"{AWS}/{bucket}", redirect=False)
    told = answer.headers.get("x-amz-bucket-region", "")
    return told if REGION.fullmatch(told) else DEFAULT_REGION
