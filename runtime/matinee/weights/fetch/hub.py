"""`hf:` sources: a Hugging Face hub, or what speaks its protocol.

huggingface_hub lists files and speaks HTTP. Its own `hf_hub_download(local_dir=…)` goes on where a
download stopped, but looks at sizes only, never at digests, keeps what it writes back in memory
for 10 MiB, and cannot tell how far it is; so the bytes go through `transfer.py` as those of every
source do. Nothing here uses Xet, sends telemetry, or writes anywhere.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import httpx2
from huggingface_hub import HfApi, constants, get_token, hf_hub_url
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoSibling
from huggingface_hub.utils import (  # type: ignore[attr-defined]  # exported lazily
    build_hf_headers,
    hf_raise_for_status,
    http_stream_backoff,
)

from matinee.weights.fetch.errors import FetchFailed, TransferBroken, words_of
from matinee.weights.fetch.files import Listing, SourceFile, stays_inside
from matinee.weights.fetch.tokens import read_token
from matinee.weights.fetch.transfer import Content
from matinee_api.contracts.fetch import FetchedTree

_TIMEOUT_S = 30.0
"""For each wait: to connect, and for the next bytes."""
_RATE_LIMITED = (429,)
"""What the library waits for by itself, for as long as the hub says."""


class Hub:
    """One repository at one revision. `commit`: from the first listing on."""

    def __init__(self, tree: FetchedTree) -> None:
        self._repo = tree.uri.removeprefix("hf:").removeprefix("//")
        self._revision = tree.revision
        self._endpoint = (tree.endpoint or constants.ENDPOINT).rstrip("/")
        self._token = _token_for(tree)

    @property
    def where(self) -> str:
        return f"{self._repo} on {self._endpoint}"

    def listing(self) -> Listing:
        """Raises `TransferBroken` and `FetchFailed`, as every method does."""
        api = HfApi(endpoint=self._endpoint, token=self._token or False)
        with self._errors():
            try:
                info = api.model_info(
                    self._repo, revision=self._revision, files_metadata=True, timeout=_TIMEOUT_S
                )
            except (AttributeError, KeyError, TypeError) as error:  # JSON of something else
                raise ValueError(type(error).__name__) from error
        if info.sha is None:
            raise FetchFailed("SourceUnsupported", f"{self._endpoint} tells no commit; {_A_HUB}")
        self._revision = info.sha
        siblings = [one for one in info.siblings or () if stays_inside(one.rfilename)]
        return Listing(tuple(map(self._described, siblings)), commit=info.sha)

    def checked(self, files: tuple[SourceFile, ...]) -> tuple[SourceFile, ...]:
        """The listing has all digests already."""
        return files

    @contextlib.contextmanager
    def read(self, file: SourceFile, offset_bytes: int) -> Iterator[Content]:
        url = hf_hub_url(self._repo, file.path, revision=self._revision, endpoint=self._endpoint)
        headers = build_hf_headers(token=self._token or False)
        headers["Accept-Encoding"] = "identity"
        if offset_bytes:
            headers["Range"] = f"bytes={offset_bytes}-"
        with (
            self._errors(),
            http_stream_backoff(
                "GET",
                url,
                headers=headers,
                timeout=_TIMEOUT_S,
                retry_on_exceptions=(),
                retry_on_status_codes=_RATE_LIMITED,
            ) as response,
        ):
            hf_raise_for_status(response)
            is_rest = response.status_code == httpx2.codes.PARTIAL_CONTENT
            yield Content(offset_bytes if is_rest else 0, response.iter_raw())

    def _described(self, sibling: RepoSibling) -> SourceFile:
        digest = f"sha256:{sibling.lfs.sha256}" if sibling.lfs else f"git-sha1:{sibling.blob_id}"
        if sibling.size is None or not (sibling.lfs or sibling.blob_id):
            raise FetchFailed(
                "SourceUnsupported", f"{self._endpoint} tells no sizes and digests; {_A_HUB}"
            )
        return SourceFile(path=sibling.rfilename, size_bytes=sibling.size, digest=digest)

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        asked = _Asked(self._repo, self._revision, self._endpoint, bool(self._token))
        try:
            yield
        except (OfflineModeIsEnabled, HFValidationError) as error:
            raise FetchFailed("SourceNotFound", str(error)) from error
        except HfHubHTTPError as error:
            raise error_of(error, asked) from error
        except (httpx2.TransportError, httpx2.StreamError) as error:
            raise TransferBroken(words_of(error)) from error
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            raise TransferBroken(f"the answer is not a hub's ({error})") from error


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


_A_HUB = "check that the address is a Hugging Face hub's"


def _token_for(tree: FetchedTree) -> str | None:
    """The file's; without one that of the environment (HF_TOKEN, `hf auth login`), which is for
    the environment's own hub and never goes to another address that a tree names."""
    if tree.token_file is not None:
        return read_token(tree.token_file)
    return None if tree.endpoint else get_token()
