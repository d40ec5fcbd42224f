"""`hf:` sources: a Hugging Face hub, or what speaks its protocol.

huggingface_hub lists files and speaks HTTP. Its own `hf_hub_download(local_dir=…)` goes on where a
download stopped, but looks at sizes only, never at digests, keeps what it writes back in memory
for 10 MiB, and cannot tell how far it is; so the bytes go through `transfer.py` as those of every
source do. Nothing here uses Xet, sends telemetry, or writes anywhere.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from types import MappingProxyType
from typing import Annotated, cast
from urllib.parse import quote

import httpx2
from huggingface_hub import constants, get_token, hf_hub_url
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import (  # type: ignore[attr-defined]  # exported lazily
    get_session,
    hf_raise_for_status,
    http_stream_backoff,
    validate_repo_id,
)
from pydantic import BaseModel, FailFast, Field, ValidationError

from matinee.weights.fetch.endpoints import checked_endpoint
from matinee.weights.fetch.errors import FetchFailed, TransferBroken, words_of
from matinee.weights.fetch.files import (
    MAX_LISTING_BYTES,
    Listing,
    SourceFile,
    bounded,
    listing_of,
    stays_inside,
)
from matinee.weights.fetch.tokens import checked_token, read_token
from matinee.weights.fetch.transfer import Content
from matinee_api.contracts.fetch import COMMIT, MOST_BYTES, FetchedTree
from matinee_api.proxies import ProxyUnusable

_TIMEOUT_S = 30.0
"""For each wait: to connect, and for the next bytes."""
_MAX_ERROR_BYTES = 64 * 1024
_NONE: Mapping[str, str] = MappingProxyType({})
_RATE_LIMITED = (429,)
"""What the library waits for by itself, for as long as the hub says."""
LONGEST_WAIT_S = 300
"""What a hub may say; after more it is asked again by our own pauses."""
_WAITS = ("Retry-After", "RateLimit")


class Hub:
    """One repository at one revision. `commit`: from the first listing on."""

    def __init__(self, tree: FetchedTree) -> None:
        self._repo = tree.uri.removeprefix("hf:").removeprefix("//")
        self._revision = tree.revision
        named = (
            (tree.endpoint, "endpoint") if tree.endpoint else (constants.ENDPOINT, "HF_ENDPOINT")
        )
        self._endpoint = checked_endpoint(*named, path=True)
        self._token = _token_for(tree)

    @property
    def where(self) -> str:
        return f"{self._repo} on {self._endpoint}"

    def listing(self) -> Listing:
        """Raises `TransferBroken` and `FetchFailed`, as every method does."""
        revision = f"/revision/{quote(self._revision, safe='')}" if self._revision else ""
        url = f"{self._endpoint}/api/models/{self._repo}{revision}?blobs=true"
        with self._errors():
            validate_repo_id(self._repo)
            with self._answer(url) as response:
                text = bounded(response.iter_raw(), MAX_LISTING_BYTES)
            info = _Info.model_validate_json(text)
        self._revision = info.sha
        files = (_described(one) for one in info.siblings if stays_inside(one.rfilename))
        return listing_of(files, self.where, commit=info.sha)

    def checked(self, files: tuple[SourceFile, ...]) -> tuple[SourceFile, ...]:
        """The listing has all digests already."""
        return files

    @contextlib.contextmanager
    def read(self, file: SourceFile, offset_bytes: int) -> Iterator[Content]:
        url = hf_hub_url(self._repo, file.path, revision=self._revision, endpoint=self._endpoint)
        more = {"Range": f"bytes={offset_bytes}-"} if offset_bytes else {}
        with self._errors(), self._answer(url, more) as response:
            is_rest = response.status_code == httpx2.codes.PARTIAL_CONTENT
            yield Content(offset_bytes if is_rest else 0, response.iter_raw())

    @contextlib.contextmanager
    def _answer(self, url: str, more: Mapping[str, str] = _NONE) -> Iterator[httpx2.Response]:
        """Read as it comes: nothing compressed is unpacked, and nothing without an end is kept."""
        _bound_errors(get_session())
        with http_stream_backoff(
            "GET",
            url,
            headers={**self._headers(), "Accept-Encoding": "identity", **more},
            timeout=_TIMEOUT_S,
            retry_on_exceptions=(),
            retry_on_status_codes=_RATE_LIMITED,
        ) as response:
            hf_raise_for_status(response)
            yield response

    def _headers(self) -> dict[str, str]:
        """The library's own say which agent runs the program, and ask the hub for a list of these
        first, of any length."""
        named = {"User-Agent": f"matinee/{version('matinee')}"}
        return {**named, "Authorization": f"Bearer {self._token}"} if self._token else named

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        asked = _Asked(self._repo, self._revision, self._endpoint, bool(self._token))
        try:
            yield
        except ProxyUnusable as error:
            raise FetchFailed("SourceUnsupported", str(error)) from error
        except (OfflineModeIsEnabled, HFValidationError) as error:
            raise FetchFailed("SourceNotFound", str(error)) from error
        except HfHubHTTPError as error:
            raise error_of(error, asked) from error
        except (httpx2.TransportError, httpx2.StreamError) as error:
            raise TransferBroken(words_of(error)) from error
        except ValidationError as error:
            raise FetchFailed("SourceUnsupported", _no_hub(error, self._endpoint)) from error
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            raise TransferBroken(f"the answer is not a hub's ({error})") from error


class _Bounded(httpx2.SyncByteStream):
    """The body of an answer that is not the file: the libraries keep all of it."""

    def __init__(self, stream: Iterable[bytes]) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        received_bytes = 0
        for chunk in self._stream:
            received_bytes += len(chunk)
            if received_bytes > _MAX_ERROR_BYTES:
                raise httpx2.RemoteProtocolError(f"an error of more than {_MAX_ERROR_BYTES} bytes")
            yield chunk

    def close(self) -> None:
        if isinstance(self._stream, httpx2.SyncByteStream):
            self._stream.close()


def bound_error(response: httpx2.Response) -> None:
    """Also of a redirect."""
    if not response.is_success:
        response.headers.pop("Content-Encoding", None)
        for name in _WAITS:
            numbers = re.findall(r"\d+", response.headers.get(name, ""))
            if any(len(one) > 9 or int(one) > LONGEST_WAIT_S for one in numbers):
                del response.headers[name]
        response.stream = _Bounded(cast(Iterable[bytes], response.stream))


def _bound_errors(client: httpx2.Client) -> None:
    hooks = client.event_hooks
    if bound_error not in hooks["response"]:
        client.event_hooks = {**hooks, "response": [*hooks["response"], bound_error]}


class _Lfs(BaseModel):
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class _Sibling(BaseModel):
    """A file of a repository, and the name that a hub has for one."""

    rfilename: str
    size: int = Field(ge=0, le=MOST_BYTES)
    blob_id: str = Field(default="", alias="blobId", pattern=r"^[0-9a-f]*$", max_length=64)
    lfs: _Lfs | None = None


class _Info(BaseModel):
    """What a hub says of a repository, as far as it is used here."""

    sha: str = Field(pattern=COMMIT)
    siblings: Annotated[tuple[_Sibling, ...], FailFast()] = ()


def _described(sibling: _Sibling) -> SourceFile:
    digest = f"sha256:{sibling.lfs.sha256}" if sibling.lfs else f"git-sha1:{sibling.blob_id}"
    return SourceFile(path=sibling.rfilename, size_bytes=sibling.size, digest=digest)


@dataclass(frozen=True, slots=True)
class _Asked:
    repo: str
    revision: str | None
    endpoint: str
    with_token: bool


def error_of(error: HfHubHTTPError, asked: _Asked) -> FetchFailed | TransferBroken:
    """What an answer that is an error means, and what a person can do."""
    status = error.response.status_code
    if status in (408, 429) or status >= 500:
        return TransferBroken(f"it answers {status}")
    if status in (401, 403):
        return FetchFailed("SourceDenied", _denied(error, asked))
    if isinstance(error, RevisionNotFoundError):
        message = f"{asked.repo} has no revision {asked.revision} on {asked.endpoint}; correct it"
    elif isinstance(error, RepositoryNotFoundError):
        hidden = "" if asked.with_token else " (or it is private, and there is no token)"
        message = f"{asked.endpoint} has no model {asked.repo}{hidden}; correct the name"
    elif isinstance(error, EntryNotFoundError):
        message = f"{asked.repo} has no file {error.response.url.path} on {asked.endpoint}"
    else:
        message = f"{asked.endpoint} answers {status} for {asked.repo}; {_A_HUB}"
    return FetchFailed("SourceNotFound", message)


def _denied(error: HfHubHTTPError, asked: _Asked) -> str:
    where = f"{asked.repo} on {asked.endpoint}"
    if isinstance(error, GatedRepoError):
        remedy = " with the account that the token belongs to"
        if not asked.with_token:
            remedy = ", and give a token of that account (tokenSecretRef)"
        return f"{where} is gated; accept its terms on the model's page{remedy}"
    if not asked.with_token:
        return (
            f"{where} is private or not there, and there is no token; correct the name, or "
            "give a token that may read it (tokenSecretRef)"
        )
    if error.response.status_code == httpx2.codes.UNAUTHORIZED:
        return f"the token for {where} is not valid; make a new one and update the Secret"
    return f"the token may not read {where}; give it read access to this model"


def _no_hub(error: ValidationError, endpoint: str) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "the answer"
    return f"{endpoint} does not list files as a hub does ({where}: {first['msg']}); {_A_HUB}"


_A_HUB = "check that the address is a Hugging Face hub's"


def _token_for(tree: FetchedTree) -> str | None:
    """The file's; without one that of the environment (HF_TOKEN, `hf auth login`), which is for
    the environment's own hub and never goes to another address that a tree names."""
    if tree.token_file is not None:
        return read_token(tree.token_file)
    token = None if tree.endpoint else get_token()
    return token and checked_token(token, "HF_TOKEN, or what hf auth login saved,")
