"""The pure parts. `e2e/test_s3.py` asks a real server."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import pytest
import urllib3
from minio.error import InvalidResponseError, S3Error, ServerError

from matinee.weights.fetch.errors import FetchFailed, TransferBroken
from matinee.weights.fetch.s3 import Bucket, digest_of
from matinee.weights.fetch.s3_errors import error_of
from matinee_api.contracts.fetch import FetchedTree

KEYS = "aws_access_key_id = x\naws_secret_access_key = "
MD5 = "5d41402abc4b2a76b9719d911017c592"


@pytest.mark.parametrize(
    ("headers", "etag", "digest"),
    [
        ({}, MD5, f"md5:{MD5}"),
        ({}, f"{MD5}-3", f"etag:{MD5}-3"),
        ({}, "0x8DC", "etag:0x8DC"),
        ({"x-amz-server-side-encryption": "AES256"}, MD5, f"md5:{MD5}"),
        ({"x-amz-server-side-encryption": "aws:kms"}, MD5, f"etag:{MD5}"),
        ({"X-Amz-Server-Side-Encryption-Customer-Algorithm": "AES256"}, MD5, f"etag:{MD5}"),
        ({"x-amz-checksum-crc32": "NhCmhg=="}, MD5, "crc32:NhCmhg=="),
        ({"X-Amz-Checksum-Crc64nvme": "M3eFcAZSQlc="}, f"{MD5}-3", "crc64nvme:M3eFcAZSQlc="),
        (
            {"x-amz-checksum-sha256": "q/0=", "x-amz-checksum-crc32": "a="},
            MD5,
            "sha256-base64:q/0=",
        ),
        ({"x-amz-checksum-sha256": "q/0=-3"}, f"{MD5}-3", f"etag:{MD5}-3"),
    ],
)
def test_the_best_digest_that_an_object_has_is_taken(
    headers: dict[str, str], etag: str, digest: str
) -> None:
    assert digest_of(headers, etag) == digest


def s3_error(status: int, code: str) -> S3Error:
    response = urllib3.HTTPResponse(status=status)
    return S3Error(response, code, "message", "/models", "id", "host")


@pytest.mark.parametrize(
    ("error", "reason", "says"),
    [
        (s3_error(404, "NoSuchBucket"), "SourceNotFound", "no bucket models"),
        (s3_error(404, "NoSuchKey"), "SourceNotFound", "NoSuchKey"),
        (s3_error(403, "AccessDenied"), "SourceDenied", "s3:GetObject"),
        (s3_error(403, "SignatureDoesNotMatch"), "SourceDenied", "correct the Secret"),
        (s3_error(404, "InvalidAccessKeyId"), "SourceDenied", "correct the Secret"),
        (s3_error(400, "ExpiredToken"), "SourceDenied", "correct the Secret"),
        (s3_error(412, "PreconditionFailed"), "ChecksumMismatch", "change while"),
        (InvalidResponseError(404, "text/html", "<html>"), "SourceNotFound", "404"),
        (ValueError("invalid bucket name A"), "SourceNotFound", "invalid bucket name A"),
    ],
)
def test_an_answer_that_is_final_names_the_remedy(error: Exception, reason: str, says: str) -> None:
    found = error_of(error, "models", "s3://models/x", with_credentials=True)
    assert isinstance(found, FetchFailed)
    assert found.reason == reason
    assert says in str(found)


def test_without_credentials_it_says_so() -> None:
    error = s3_error(403, "AccessDenied")
    found = error_of(error, "models", "s3://models/x", with_credentials=False)
    assert "there are none" in str(found)


@pytest.mark.parametrize(
    "error",
    [
        s3_error(503, "SlowDown"),
        ServerError("server failed", 500),
        InvalidResponseError(502, "text/html", "<html>"),
        urllib3.exceptions.ProtocolError("cut off"),
        urllib3.exceptions.ReadTimeoutError(urllib3.HTTPConnectionPool("x"), "/", "timed out"),
    ],
)
def test_what_another_try_may_mend_is_told_apart(error: Exception) -> None:
    assert isinstance(error_of(error, "models", "s3://models/x", False), TransferBroken)


@pytest.mark.parametrize(
    "content",
    [
        *(None, b"", b"[default]\n", b"[default]\naws_access_key_id = x\n"),
        *(b"hunter2", b"[default]\nhunter2", b"[hunter2]\n[hunter2]\n", b"\xffhunter2"),
        *(f"[default]\n{KEYS}hunter2ü".encode(), f"[default]\n{KEYS}a\0hunter2".encode()),
        *(f"[default]\n{KEYS}a\naws_session_token = hunter2…\n".encode(),),
        *(b'{"key": "hunter2"}', b"[default]\naws_access_key_id = %(hunter2)s\n", b"x" * 2**20),
    ],
)
def test_a_file_without_credentials_is_told_and_not_what_it_holds(
    content: bytes | None, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "credentials").write_bytes(content)
    tree: dict[str, Any] = {"name": "model", "kind": "model", "uri": "s3://b/f", "folder": "/f"}
    tree["token_file"] = str(tmp_path / "credentials")
    with pytest.raises(FetchFailed, match="credentials") as caught:
        Bucket(FetchedTree.model_validate(tree))
    assert caught.value.reason == "SourceDenied"
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
