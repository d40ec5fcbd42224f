"""What an answer of an S3 API means that is an error. Pure."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from minio.error import InvalidResponseError, S3Error, ServerError

from matinee.weights.fetch.aws_profile import REGION
from matinee.weights.fetch.errors import FetchFailed, TransferBroken, words_of

_CODE = re.compile(r"[A-Za-z0-9.]{1,80}")
_OTHER_REGION = {
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "InvalidRegion",
    "PermanentRedirect",
}


def region_told(error: Exception) -> str | None:
    """The region to sign for instead, where that is what the store says."""
    if not isinstance(error, S3Error) or error.code not in _OTHER_REGION:
        return None
    told = error.response.headers.get("x-amz-bucket-region") or _region_in(error.response.data)
    return told if told and REGION.fullmatch(told) else None


def _region_in(body: bytes) -> str | None:
    """S3's own errors have no namespace; other stores may give them one."""
    found = (one.text for one in ElementTree.fromstring(body) if one.tag.endswith("Region"))  # noqa: S314 (minio has parsed it already)
    return next(found, None)


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
        return error.response.status, _plain(error.code)
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


def _plain(code: str | None) -> str:
    """A store may write anything there, also what it was sent."""
    return code if code and _CODE.fullmatch(code) else "without a reason"
