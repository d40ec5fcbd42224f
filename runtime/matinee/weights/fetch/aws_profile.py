"""Credentials for S3, and the region that stands beside them."""

from __future__ import annotations

import configparser
import contextlib
import os
import re
from pathlib import Path
from xml.etree.ElementTree import ParseError

import urllib3
from minio.credentials.providers import (
    AWSConfigProvider,
    EnvAWSProvider,
    IamAwsProvider,
    Provider,
)
from minio.error import MinioException

from matinee.weights.fetch.errors import FetchFailed
from matinee.weights.fetch.s3_http import http_to_this_machine
from matinee.weights.fetch.tokens import MAX_TOKEN_BYTES
from matinee_api.bounded_file import read_at_most

REGION = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
"""Of AWS or of another store. It becomes part of what is signed, and of names of hosts."""
_NO_CREDENTIALS = (
    *(ValueError, OSError, LookupError, TypeError, AttributeError),
    *(configparser.Error, ParseError, MinioException, urllib3.exceptions.HTTPError),
)
"""Whatever a machine's metadata and its files may be instead."""


def credentials(file: str | None) -> Provider | None:
    """Those of the file (profile AWS_PROFILE, or `default`); without one what AWS' own programs
    find; None where there are none.

    Raises:
        FetchFailed: `SourceDenied`: the file holds none.
    """
    if file is not None:
        return _of_file(file)
    machine = IamAwsProvider(http_client=http_to_this_machine())
    for found in (EnvAWSProvider(), AWSConfigProvider(), machine):
        with contextlib.suppress(*_NO_CREDENTIALS):
            _check(found)
            return found
    return None


def _of_file(file: str) -> Provider:
    provider = AWSConfigProvider(file)
    try:
        read_at_most(file, MAX_TOKEN_BYTES)
        _check(provider)
    except (ValueError, OSError, configparser.Error):
        # Without the cause: it quotes the file, which may hold a secret of another form.
        raise FetchFailed(
            "SourceDenied",
            f"{file} holds no credentials for this profile, or cannot be read; put an AWS "
            "shared credentials file there",
        ) from None
    return provider


def _check(provider: Provider) -> None:
    """Raises what a provider raises, and `ValueError` for what no header can hold: the client's own
    error would quote it."""
    found = provider.retrieve()
    for part in (found.access_key, found.secret_key, found.session_token or ""):
        if not (part.isascii() and part.isprintable()):
            raise ValueError("other characters than a key has")


def region_of(file: str | None) -> str | None:
    """What the profile says in the file of the credentials, then the environment, then the
    profile in `~/.aws/config`. None where nothing does."""
    own = file or os.environ.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")
    general = os.environ.get("AWS_CONFIG_FILE", "~/.aws/config")
    profile = os.environ.get("AWS_PROFILE") or "default"
    found = (
        _region_in(own, profile),
        os.environ.get("AWS_REGION"),
        os.environ.get("AWS_DEFAULT_REGION"),
        _region_in(general, profile if profile == "default" else f"profile {profile}"),
    )
    return next((region for region in found if region and REGION.fullmatch(region)), None)


def _region_in(file: str, section: str) -> str | None:
    parser = configparser.ConfigParser(interpolation=None)
    with contextlib.suppress(ValueError, OSError, RuntimeError, configparser.Error):
        parser.read_string(read_at_most(Path(file).expanduser(), MAX_TOKEN_BYTES).decode())
        return parser.get(section, "region", fallback=None)
    return None
