"""`s3:` sources: a folder of an S3 bucket, at AWS or wherever the API is spoken.

Credentials: those of the tree's file (AWS_PROFILE, or `[default]`), else what AWS' own programs
find (environment, `~/.aws/credentials`, the role of the pod or the machine), else none, which
public buckets allow.
"""

from __future__ import annotations

import configparser
import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit
from xml.etree.ElementTree import ParseError

import urllib3
from minio import Minio
from minio.credentials.providers import (
    AWSConfigProvider,
    EnvAWSProvider,
    IamAwsProvider,
    Provider,
)
from minio.datatypes import Object
from minio.error import InvalidResponseError, MinioException, S3Error, ServerError
from urllib3.response import BaseHTTPResponse

from matinee.weights.fetch.errors import FetchFailed, TransferBroken, words_of
from matinee.weights.fetch.files import (
    MAX_LISTING_BYTES,
    Listing,
    SourceFile,
    bounded,
    listing_of,
    stays_inside,
)
from matinee.weights.fetch.tokens import MAX_TOKEN_BYTES
from matinee.weights.fetch.transfer import Content
from matinee_api.bounded_file import read_at_most
from matinee_api.contracts.fetch import FetchedTree

AWS = "https://s3.amazonaws.com"
DEFAULT_REGION = "us-east-1"
"""What stores that know no regions are signed for."""
_CHUNK_BYTES = 256 * 1024
MAX_PAGES = 100
"""Of a listing; a page has a thousand names."""
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
        self._endpoint = (tree.endpoint or AWS).rstrip("/")
        self._provider = _credentials(tree.token_file)
        self._client: Minio | None = None
        self._etags: dict[str, str] = {}
        self.where = f"s3://{self._bucket}/{self._prefix} on {self._endpoint}"

    def listing(self) -> Listing:
        """Raises `TransferBroken` and `FetchFailed`, as every method does."""
        with self._errors():
            found = self._connected().list_objects(self._bucket, self._prefix, recursive=True)
            files = (self._described(one) for one in found if self._is_file(one))
            try:
                listing = listing_of(files, self.where)
            except (ParseError, AttributeError, TypeError) as error:  # XML of something else
                raise ValueError(f"it answers no list of files: {error}") from error
        if not listing.files:
            raise FetchFailed(
                "SourceNotFound",
                f"the bucket {self._bucket} has nothing under {self._prefix or '/'}; correct the "
                "folder",
            )
        return listing

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
                    response.stream(_CHUNK_BYTES, decode_content=False),
                )
            finally:
                response.close()

    def _connected(self) -> Minio:
        if self._client is None:
            address = urlsplit(self._endpoint)
            http = _http(connect_s=10, read_s=30)
            if self._endpoint == AWS:
                region = _region_at_aws(http, self._bucket)
            else:
                region = os.environ.get("AWS_REGION", DEFAULT_REGION)
            self._client = Minio(
                address.netloc,
                secure=address.scheme == "https",
                region=region,
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


def error_of(
    error: Exception, bucket: str, where: str, with_credentials: bool
) -> FetchFailed | TransferBroken:
    """What an answer that is an error means, and what a person can do."""
    status, code = _status_and_code(error)
    if status is None and isinstance(error, ValueError):
        return FetchFailed("SourceNotFound", f"{where} cannot be asked: {error}; correct it")
    if status is None or status in (408, 429) or status >= 500:
        return TransferBroken(f"it answers {status} {code}" if status else words_of(error))
    if status == 412:
        return FetchFailed(
            "ChecksumMismatch", f"files of {where} change while they are fetched; try again later"
        )
    if status in (401, 403) or code in _BAD_CREDENTIALS:
        return FetchFailed("SourceDenied", _denied(code, where, with_credentials))
    if code == "NoSuchBucket":
        return FetchFailed("SourceNotFound", f"there is no bucket {bucket}: {where}; correct it")
    return FetchFailed("SourceNotFound", f"{where} answers {status} {code}; correct its address")


_BAD_CREDENTIALS = {  # with another status than 403 at some stores
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
    "XAdminUserNotFound",  # versitygw's InvalidAccessKeyId
}


def _status_and_code(error: Exception) -> tuple[int | None, str]:
    if isinstance(error, S3Error):
        return error.response.status, error.code or ""
    if isinstance(error, ServerError):
        return error.status_code, ""
    if isinstance(error, InvalidResponseError):
        return int(error.args[0].partition("code: ")[2].partition(",")[0]), "without a reason"
    return None, ""


def _denied(code: str, where: str, with_credentials: bool) -> str:
    if not with_credentials:
        return (
            f"{where} wants credentials, and there are none; give an AWS shared credentials file "
            "(tokenSecretRef)"
        )
    if code in _BAD_CREDENTIALS:
        return f"{where} does not accept the credentials ({code}); correct the Secret"
    return f"the credentials may not read {where} ({code}); allow s3:ListBucket and s3:GetObject"


_NO_CREDENTIALS = (ValueError, OSError, configparser.Error, urllib3.exceptions.HTTPError)


def _credentials(file: str | None) -> Provider | None:
    """Raises `FetchFailed` with `SourceDenied` for a file that holds none."""
    if file is not None:
        provider = AWSConfigProvider(file)
        try:
            read_at_most(file, MAX_TOKEN_BYTES)
            provider.retrieve()
        except (ValueError, OSError, configparser.Error):
            # Without the cause: it quotes the file, which may hold a secret of another form.
            raise FetchFailed(
                "SourceDenied",
                f"{file} holds no credentials for this profile, or cannot be read; put an AWS "
                "shared credentials file there",
            ) from None
        return provider
    machine = _http(connect_s=1, read_s=5)
    for found in (EnvAWSProvider(), AWSConfigProvider(), IamAwsProvider(http_client=machine)):
        with contextlib.suppress(*_NO_CREDENTIALS):
            found.retrieve()
            return found
    return None


def _http(connect_s: float, read_s: float) -> urllib3.PoolManager:
    """Without tries of its own: `retry.py` decides on them."""
    return _Pool(
        timeout=urllib3.Timeout(connect=connect_s, read=read_s),
        retries=urllib3.Retry(connect=0, read=0, status=0, other=0, redirect=3),
        maxsize=10,
    )


class _Pool(urllib3.PoolManager):
    """What minio wants to have whole is bounded, each answer and, of a listing that goes on and on,
    their number. Nothing compressed is unpacked."""

    _pages_left = MAX_PAGES

    def urlopen(self, method: str, url: str, redirect: bool = True, **kw: Any) -> BaseHTTPResponse:  # type: ignore[override]
        whole = kw.pop("preload_content", True)
        response = super().urlopen(method, url, redirect, preload_content=False, **kw)
        if not whole:
            return response
        if "list-type=2" in url:
            self._pages_left -= 1
            if self._pages_left < 0:
                response.close()
                raise TransferBroken(f"a listing of more than {MAX_PAGES} pages")
        with contextlib.closing(response):
            body = bounded(response.stream(_CHUNK_BYTES, decode_content=False), MAX_LISTING_BYTES)
        return urllib3.HTTPResponse(
            body,
            response.headers,
            response.status,
            reason=response.reason,
            request_method=method,
            decode_content=False,
        )


def _region_at_aws(http: urllib3.PoolManager, bucket: str) -> str:
    """AWS tells where a bucket is to everybody, also to those who may not look into it."""
    answer = http.request("HEAD", f"{AWS}/{bucket}", redirect=False)
    return answer.headers.get("x-amz-bucket-region", DEFAULT_REGION)
